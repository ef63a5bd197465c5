import { assert, assertEquals, assertFalse } from "@std/assert";
import { parseChallenges } from "../../../lib/http1/challenge.ts";
import {
  authorizeBasic,
  authorizeDigest,
  type DigestRequest,
  supportsDigest,
} from "../../../lib/http1/digest.ts";

const RFC_7616 = {
  credentials: { user: "Mufasa", password: "Circle of Life" },
  uri: "/dir/index.html",
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
};
const RFC_7616_CHALLENGE = 'Digest realm="http-auth@example.org", qop="auth, auth-int", ' +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ' +
  'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

Deno.test("authorizeDigest() returns the values of RFC 7616, section 3.9.1, for MD5", () => {
  assertEquals(
    authorize(`${RFC_7616_CHALLENGE}, algorithm=MD5`, RFC_7616),
    'Digest username="Mufasa", realm="http-auth@example.org", ' +
      'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", algorithm=MD5, ' +
      'response="8ca523f5e9506fed4657c9700eebdbec", ' +
      'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, nc=00000001, ' +
      'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"',
  );
});

Deno.test("authorizeDigest() returns the values of RFC 7616, section 3.9.1, for SHA-256", () => {
  assertEquals(
    response(`${RFC_7616_CHALLENGE}, algorithm=SHA-256`, RFC_7616),
    "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
  );
});

Deno.test("authorizeDigest() returns the values of RFC 7616, section 3.9.2, as of erratum 4897", () => {
  const header = authorize(
    'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ' +
      'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", ' +
      'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true',
    {
      credentials: { user: "J\u00e4s\u00f8n Doe", password: "Secret, or not?" },
      uri: "/doe.json",
      cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    },
  );
  const { username, response, userhash } = read(header);
  assertEquals(username, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
  assertEquals(response, "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
  assertEquals(userhash, "true");
});

Deno.test("authorizeDigest() returns the values of RFC 2617, section 3.5", () => {
  const challenge = 'Digest realm="testrealm@host.com", qop="auth,auth-int", ' +
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
  const request = {
    credentials: { user: "Mufasa", password: "Circle Of Life" },
    uri: "/dir/index.html",
    cnonce: "0a4f113b",
  };
  assertEquals(response(challenge, request), "6629fae49393a05397450978507c4ef1");
});

Deno.test("authorizeDigest() returns the values of RFC 2069, section 2.4, as of erratum 749", () => {
  const challenge = 'Digest realm="testrealm@host.com", ' +
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
  const credentials = { user: "Mufasa", password: "CircleOfLife" };
  const header = authorize(challenge, { credentials, uri: "/dir/index.html" });
  assertEquals(read(header).response, "1949323746fe6a43ef61f9606e7febea");
  assertFalse(/qop|nc=|cnonce|algorithm/.test(header));
});

Deno.test("authorizeDigest() returns the values of curl 7.88 for other algorithms", () => {
  const request = {
    credentials: { user: "admin", password: 'pa"ss\\word' },
    uri: "/video?a=1&b=2",
  };
  for (
    const [parameters, cnonce, expected] of [
      [
        'algorithm=MD5-sess, qop="auth"',
        "ZmU3OTU0MTAxNzNhMDIwYmU1YjE2N2Q2ZjcxZGE3ZDc=",
        "c0a5bf01ddefe74b48203b13b282d041",
      ],
      [
        'algorithm=SHA-256-sess, qop="auth,auth-int"',
        "MjcyNzEzODliZWVhNTk1YWIzMGUzNjg1ZDFjMGY3M2Q=",
        "8a6897e7bee3f63aca59ac411a959ed7c01410fa9b567b934fa685df31d32996",
      ],
      [
        "algorithm=SHA-256",
        "",
        "482c60a0bb4053ce44a897ce10d3c46238919c173b2d7a6f27fb695793865e3d",
      ],
      [
        'algorithm=MD5, userhash=true, qop="auth"',
        "ZWQzOWI1MDkyNzlkMDA2ZTA4MGQ1YTk1NjkxZmNmNjM=",
        "566eba2d737c5057c617f2d1ca422cf3",
      ],
    ] as const
  ) {
    const challenge = `Digest realm="IP Cam", nonce="n0nce", ${parameters}`;
    assertEquals(response(challenge, { ...request, cnonce }), expected, parameters);
  }
  const quoted = 'Digest realm="IP \\"Cam\\"", nonce="n0nce"';
  assertEquals(response(quoted, request), "4e79a8fd862ecbafb4567fec9aca340c");
});

Deno.test("authorizeDigest() hashes a body of no bytes for auth-int", () => {
  const challenge = 'Digest realm="r", nonce="n", qop=auth-int';
  // printf '' | md5sum; then A1, A2 and the response with printf '%s' ... | md5sum
  assertEquals(response(challenge, {}), "b18faaba083525d580395dd5cdeebf14");
});

Deno.test("authorizeDigest() escapes quotation marks, and returns the server's parameters", () => {
  const header = authorize(
    'Digest realm="IP \\"Cam\\\\", nonce="", opaque="", algorithm="md5"',
    {},
  );
  const fields = read(header);
  assertEquals(fields.realm, '"IP \\"Cam\\\\"'.slice(1, -1));
  assertEquals([fields.nonce, fields.opaque, fields.algorithm], ["", "", "md5"]);
});

Deno.test("authorizeDigest() counts the uses of a nonce in eight hexadecimal digits", () => {
  assertEquals(
    read(authorize('Digest realm="r", nonce="n", qop=auth', { count: 255 })).nc,
    "000000ff",
  );
});

Deno.test("authorizeDigest and authorizeBasic encode credentials in either charset", () => {
  const credentials = { user: "J\u00fcrg", password: "p\u00e4ss" };
  const challenge = 'Digest realm="r", nonce="n"';
  const utf8 = authorize(challenge, { credentials, charset: "utf8" });
  const latin1 = authorize(challenge, { credentials, charset: "latin1" });
  assertEquals(read(utf8).username, "J\xc3\xbcrg");
  assertEquals(read(latin1).username, "J\xfcrg");
  assert(read(utf8).response !== read(latin1).response);
  assertEquals(authorizeBasic(credentials, "utf8"), "Basic SsO8cmc6cMOkc3M=");
  assertEquals(authorizeBasic(credentials, "latin1"), "Basic SvxyZzpw5HNz");
});

Deno.test("supportsDigest() ignores challenges that cannot be answered", () => {
  const supports = (text: string) => supportsDigest(parseChallenges([text])[0]!);
  assert(supports('Digest realm="r", nonce="n"'));
  assert(supports('DIGEST Realm=r, NONCE=n, Algorithm="sha-512-256-SESS", qop="x,AUTH"'));
  assert(supports('Digest realm="r", nonce="n", algorithm="", qop=""'));
  assertFalse(supports('Basic realm="r", nonce="n"'));
  assertFalse(supports('Digest realm="r"'));
  assertFalse(supports('Digest realm="r", nonce="n", algorithm=token'));
  assertFalse(supports('Digest realm="r", nonce="n", qop="auth-conf"'));
});

Deno.test("parseChallenges() reads several challenges in one field and in several", () => {
  assertEquals(
    parse(
      'Digest realm="a, b", nonce=abc==, stale=FALSE, Basic realm="c"',
      "NTLM TlRMTVNTUAA=, Negotiate",
    ),
    [
      ["digest", { realm: "a, b", nonce: "abc==", stale: "FALSE" }],
      ["basic", { realm: "c" }],
      ["ntlm", {}],
      ["negotiate", {}],
    ],
  );
});

Deno.test("parseChallenges() tolerates mistakes of cameras", () => {
  assertEquals(parse("Basic realm=IP Camera"), [["basic", { realm: "IP Camera" }]]);
  assertEquals(parse("Digest realm=IP Camera , nonce = n"), [["digest", {
    realm: "IP Camera",
    nonce: "n",
  }]]);
  assertEquals(parse('Digest realm="a" nonce="b"qop="auth"'), [["digest", {
    realm: "a",
    nonce: "b",
    qop: "auth",
  }]]);
  assertEquals(parse('Digest, realm="a", ,nonce="b'), [["digest", { realm: "a", nonce: "b" }]]);
  assertEquals(parse('Digest realm="a\\"b", realm="c"'), [["digest", { realm: 'a"b' }]]);
  assertEquals(parse('"" = , Basic'), [["basic", {}]]);
  assertEquals(parse('realm="lost"'), []);
  assertEquals(parse("", "   ", ",,,"), []);
});

Deno.test("parseChallenges() takes linear time", () => {
  const began = performance.now();
  for (const piece of ["\\", "a ", "a=", '"', ", ", "a\t", '\\"', "a=b ", "=="]) {
    parse(`Digest a="${piece.repeat(30_000)}`, `Digest ${piece.repeat(30_000)}`);
  }
  assert(performance.now() - began < 5_000);
});

function parse(...values: string[]) {
  return parseChallenges(values).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

/** Answers a challenge, with defaults for the properties that `request` lacks. */
function authorize(challenge: string, request: Partial<DigestRequest>): string {
  return authorizeDigest(parseChallenges([challenge])[0]!, {
    method: "GET",
    uri: "/",
    credentials: { user: "user", password: "password" },
    charset: "utf8",
    count: 1,
    cnonce: "c",
    ...request,
  });
}

function response(challenge: string, request: Partial<DigestRequest>): string | undefined {
  return read(authorize(challenge, request)).response;
}

/** The parameters of an Authorization field. */
function read(header: string): Record<string, string | undefined> {
  const matches = header.matchAll(/[ ,](\w+)=(?:"((?:[^"\\]|\\.)*)"|(\w[^,]*))/g);
  return Object.fromEntries([...matches].map(([, name, quoted, token]) => [name, quoted ?? token]));
}
