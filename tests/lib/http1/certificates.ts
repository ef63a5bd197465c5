import { needing } from "../../parts.ts";

/** A certificate and its key, in PEM form. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256, as openssl writes it: upper-case digits with colons. */
  readonly fingerprint: string;
}

/** Options of a certificate. */
interface Recipe {
  /** Subject alternative name. */
  name?: string;
  /** Whether it is the certificate of an authority. */
  authority?: boolean;
  expired?: boolean;
  /** Whether it is of X.509 version 1, with neither names nor constraints. */
  version1?: boolean;
  /** The issuer; by default it is self-signed. */
  issuer?: TestCertificate;
}

/**
 * Creates a certificate with openssl, by default for 127.0.0.1. Without openssl it is empty, for
 * tests that are left out.
 */
export async function makeCertificate(recipe: Recipe): Promise<TestCertificate> {
  if (needing("openssl").ignore) return { cert: "", key: "", fingerprint: "" };
  const folder = await Deno.makeTempDir();
  try {
    const [key, request] = [`${folder}/key.pem`, `${folder}/request.pem`];
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await openssl("req", ...newKey, "-keyout", key, "-subj", "/CN=camera", "-out", request);
    const cert = recipe.version1
      ? await openssl("x509", "-req", "-in", request, "-signkey", key, "-days", "2")
      : await sign(folder, recipe);
    return { cert, key: await Deno.readTextFile(key), fingerprint: await fingerprintOf(cert) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Signs with `openssl ca`: no other command can set the dates of a certificate. */
async function sign(folder: string, { name, authority, expired, issuer }: Recipe): Promise<string> {
  const config = [
    ...["[ca]", "default_ca=d", "[d]", `database=${folder}/index`, `new_certs_dir=${folder}`],
    ...[
      "rand_serial=yes",
      "default_md=sha256",
      "policy=p",
      "x509_extensions=e",
      "[p]",
      "commonName=supplied",
      "[e]",
    ],
    `basicConstraints=critical,CA:${authority ? "TRUE" : "FALSE"}`,
    `subjectAltName=${name ?? "IP:127.0.0.1"}`,
  ];
  await Deno.writeTextFile(`${folder}/ca.cnf`, config.join("\n"));
  await Deno.writeTextFile(`${folder}/index`, "");
  await Deno.writeTextFile(`${folder}/issuer.pem`, issuer?.cert ?? "");
  await Deno.writeTextFile(`${folder}/issuer-key.pem`, issuer?.key ?? "");
  const by = issuer
    ? ["-cert", `${folder}/issuer.pem`, "-keyfile", `${folder}/issuer-key.pem`]
    : ["-selfsign", "-keyfile", `${folder}/key.pem`];
  const dates = ["-startdate", "200101000000Z", "-enddate", `${expired ? 21 : 49}0101000000Z`];
  const files = ["-config", `${folder}/ca.cnf`, "-in", `${folder}/request.pem`];
  return await openssl("ca", "-batch", "-notext", ...files, ...by, ...dates);
}

async function fingerprintOf(cert: string): Promise<string> {
  const base64 = /-----BEGIN CERTIFICATE-----([\s\S]*)-----END CERTIFICATE-----/.exec(cert)![1]!;
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.fromBase64(base64));
  return new Uint8Array(digest).toHex().toUpperCase().replaceAll(/(..)(?!$)/g, "$1:");
}

async function openssl(...args: string[]): Promise<string> {
  const options = { args, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const { success, stdout, stderr } = await new Deno.Command("openssl", options).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
