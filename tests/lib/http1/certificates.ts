/** A certificate and its key, in PEM form. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256, as openssl writes it: upper-case digits with colons. */
  readonly fingerprint: string;
}

/** The kinds of certificates that {@link makeCertificates} makes. All are self-signed, and for 127.0.0.1. */
const KINDS = {
  good: [
    "req",
    "-x509",
    "-days",
    "2",
    "-subj",
    "/CN=camera",
    ...extensions("CA:FALSE", "IP:127.0.0.1"),
  ],
  /** As `openssl req -x509` makes them by default: an authority's. */
  authority: [
    "req",
    "-x509",
    "-days",
    "2",
    "-subj",
    "/CN=camera",
    ...extensions("CA:TRUE", "IP:127.0.0.1"),
  ],
  otherName: [
    "req",
    "-x509",
    "-days",
    "2",
    "-subj",
    "/CN=camera",
    ...extensions("CA:FALSE", "DNS:camera.invalid"),
  ],
};

/** Makes certificates by openssl: an expired one, one of X.509 version 1, and one of each kind above. */
export async function makeCertificates(): Promise<
  Record<keyof typeof KINDS | "expired" | "version1", TestCertificate>
> {
  const folder = await Deno.makeTempDir();
  try {
    const [key, request] = [`${folder}/key.pem`, `${folder}/request.pem`];
    const newKey = [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      key,
    ];
    const made: [string, TestCertificate][] = [];
    for (const [kind, args] of Object.entries(KINDS)) {
      made.push([kind, await read(await openssl(...args, ...newKey), key)]);
    }
    await openssl("req", "-subj", "/CN=camera", ...newKey, "-out", request);
    const sign = ["-signkey", key, "-days", "2"];
    made.push([
      "version1",
      await read(await openssl("x509", "-req", "-in", request, ...sign), key),
    ]);
    made.push(["expired", await read(await signExpired(folder, request, key), key)]);
    return Object.fromEntries(made) as Awaited<ReturnType<typeof makeCertificates>>;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function extensions(constraints: string, name: string): string[] {
  return [
    "-addext",
    `basicConstraints=critical,${constraints}`,
    "-addext",
    `subjectAltName=${name}`,
  ];
}

/** Only `openssl ca` can set the dates of a certificate. */
async function signExpired(folder: string, request: string, key: string): Promise<string> {
  const config = `${folder}/ca.cnf`;
  const settings = [
    ...["[ca]", "default_ca=d", "[d]", `database=${folder}/index`, `serial=${folder}/serial`],
    ...[`new_certs_dir=${folder}`, "default_md=sha256", "policy=p", "x509_extensions=e"],
    ...["[p]", "commonName=supplied", "[e]", "basicConstraints=critical,CA:FALSE"],
    "subjectAltName=IP:127.0.0.1",
  ];
  await Deno.writeTextFile(config, settings.join("\n"));
  await Deno.writeTextFile(`${folder}/index`, "");
  await Deno.writeTextFile(`${folder}/serial`, "01");
  const dates = ["-startdate", "200101000000Z", "-enddate", "210101000000Z"];
  const signing = ["-selfsign", "-in", request, "-keyfile", key, "-notext"];
  return await openssl("ca", "-batch", "-config", config, ...signing, ...dates);
}

async function read(cert: string, keyFile: string): Promise<TestCertificate> {
  const key = await Deno.readTextFile(keyFile);
  const base64 = /-----BEGIN CERTIFICATE-----([\s\S]*)-----END CERTIFICATE-----/.exec(cert)![1]!;
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.fromBase64(base64));
  const hex = new Uint8Array(digest).toHex().toUpperCase();
  return { cert, key, fingerprint: hex.replaceAll(/(..)(?!$)/g, "$1:") };
}

async function openssl(...args: string[]): Promise<string> {
  const options = { args, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const { success, stdout, stderr } = await new Deno.Command("openssl", options).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
