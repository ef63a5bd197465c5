import { assertEquals } from "@std/assert";
import { type Access, Authenticator } from "../../../lib/auth/mod.ts";
import { ManualClock } from "../../manual_clock.ts";

function setUp(access: Access) {
  const lines: string[] = [];
  const note = (event: string, fields?: object) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const clock = new ManualClock();
  const door = new Authenticator(access, { clock, log: { info: note, warn: note, error: note } });
  const ask = async (authorization: string | undefined, address = "192.0.2.1") =>
    (await door.check({ address, authorization, hosts: ["cam.example"] }))?.status;
  return { door, ask, lines, clock };
}

const basic = (text: string) => `Basic ${new TextEncoder().encode(text).toBase64()}`;

Deno.test("a door with a password opens to that password only", async () => {
  const { ask } = setUp({ user: "me", password: "se:cret" });
  assertEquals(await ask(basic("me:se:cret")), undefined);
  assertEquals(await ask(basic("me:se:cret").replace("Basic", "bASIC")), undefined);
  for (
    const wrong of [
      undefined,
      "",
      "Basic",
      "Basic ",
      "Basic ====",
      "Basic not base64!",
      basic(""),
      basic(":"),
      basic("me:"),
      basic("me:se:cre"),
      basic("me:se:cret "),
      basic("Me:se:cret"),
      basic("me:se:cret\0"),
      basic("x".repeat(30_000)),
      basic("me:se:cret").replace("Basic", "Bearer"),
      `${basic("me:se:cret")}, Basic x`,
    ]
  ) {
    const another = `${Math.random()}`; // else it would be slowed down
    assertEquals([wrong, await ask(wrong, another)], [wrong, 401]);
  }
});

Deno.test("a password beyond ASCII is known in UTF-8, and in the Latin-1 that Python's clients send", async () => {
  const { ask } = setUp({ user: "jörg", password: "pässword" });
  assertEquals(await ask(basic("jörg:pässword")), undefined);
  assertEquals(await ask(`Basic ${btoa("jörg:pässword")}`), undefined);
  const { ask: askOther } = setUp({ user: "me", password: "密碼" });
  assertEquals(await askOther(basic("me:密碼")), undefined);
  // What would be left of these characters if only their lower bytes counted.
  assertEquals(await askOther(`Basic ${btoa("me:\xc6\xbc")}`), 401);
});

Deno.test("a refusal asks for a name and a password in UTF-8", async () => {
  const { door } = setUp({ user: "me", password: "x" });
  const refusal = await door.check({ address: "a", authorization: undefined, hosts: [] });
  assertEquals(refusal?.headers, { "WWW-Authenticate": 'Basic realm="dinocam", charset="UTF-8"' });
});

Deno.test("who tries too many passwords has to wait, even for the right one; others do not", async () => {
  const { door, ask, clock } = setUp({ user: "me", password: "right" });
  const tries = await Promise.all(Array.from({ length: 40 }, () => ask(basic("me:wrong"))));
  assertEquals(tries, [...Array(10).fill(401), ...Array(30).fill(429)]);
  const visitor = { address: "192.0.2.1", authorization: basic("me:right"), hosts: [] };
  assertEquals((await door.check(visitor))?.headers, { "Retry-After": "5" });
  assertEquals(await ask(basic("me:right"), "192.0.2.2"), undefined);
  await clock.advance(5_000);
  assertEquals(await ask(basic("me:right")), undefined);
});

Deno.test("log-ins that succeed are never slowed down, as often as they come", async () => {
  const { ask } = setUp({ user: "me", password: "right" });
  for (let i = 0; i < 50; i++) assertEquals(await ask(basic("me:right")), undefined);
});

Deno.test("a failed log-in is told with its address, and with nothing of what was tried", async () => {
  const { ask, lines } = setUp({ user: "root", password: "hunter2" });
  await ask(basic("root:hunter3"));
  await ask(undefined); // asks for the first time, as browsers do
  assertEquals(lines, ['log-in failed {"address":"192.0.2.1"}']);
});

Deno.test("what is open to all needs no password", async () => {
  const { door } = setUp({ user: "me", password: "x" });
  const visitor = {
    address: "a",
    authorization: undefined,
    hosts: ["evil.example"],
    isPublic: true,
  };
  assertEquals(await door.check(visitor), undefined);
});

Deno.test("a door for this machine answers to the names of this machine only", async () => {
  const { door } = setUp("this machine");
  const ask = async (...hosts: string[]) =>
    (await door.check({ address: "127.0.0.1", authorization: undefined, hosts }))?.status;
  assertEquals(await ask("localhost:8000", "localhost:8000"), undefined);
  assertEquals(await ask("127.0.0.1", "127.0.0.1"), undefined);
  assertEquals(await ask("[::1]:80"), undefined);
  for (const host of ["evil.example", "evil.example:8000", "localhost:x", "localhost:8000:1", ""]) {
    assertEquals([host, await ask(host)], [host, 403]);
    assertEquals([host, await ask("localhost", host)], [host, 403]);
    assertEquals([host, await ask(host, "localhost")], [host, 403]);
  }
  const visitor = {
    address: "a",
    authorization: undefined,
    hosts: ["evil.example"],
    isPublic: true,
  };
  assertEquals((await door.check(visitor))?.status, 403);
});

Deno.test("a door for anyone asks nothing", async () => {
  const { ask } = setUp("anyone");
  assertEquals(await ask(undefined), undefined);
  assertEquals(await ask(basic("x:y")), undefined);
});

Deno.test("what is nearly the password is not", async () => {
  const { ask, clock } = setUp({ user: "me", password: "secret" });
  const near = ["s", "secre", "secretsecret", "secretme:secret", "secret\0", "Secret", "\0ecret"];
  for (const tried of near) {
    assertEquals([tried, await ask(basic(`me:${tried}`))], [tried, 401]);
    await clock.advance(60_000);
  }
  assertEquals(await ask("Basic "), 401);
  assertEquals(await ask(basic("me:secret")), undefined);
});

Deno.test("many who know the password may come at once from one address", async () => {
  const { door } = setUp({ user: "me", password: "secret" });
  const visitor = { address: "proxy", authorization: basic("me:secret"), hosts: ["cam.example"] };
  const refusals = await Promise.all(Array.from({ length: 50 }, async () => {
    await Promise.resolve();
    return await door.check(visitor);
  }));
  assertEquals(refusals, Array(50).fill(undefined));
});
