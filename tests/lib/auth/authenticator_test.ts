import { assertEquals } from "@std/assert";
import { type Access, Authenticator } from "../../../lib/auth/mod.ts";
import { ManualClock } from "../../manual_clock.ts";

function setUp(access: Access) {
  const lines: string[] = [];
  const write = (event: string, fields?: object) =>
    void lines.push(`${event} ${JSON.stringify(fields)}`);
  const clock = new ManualClock();
  const authenticator = new Authenticator(access, {
    clock,
    log: { info: write, warn: write, error: write },
  });
  const ask = (authorization: string | undefined, address = "192.0.2.1") =>
    authenticator.check({ address, authorization, hosts: ["cam.example"] })?.status;
  return { authenticator, ask, lines, clock };
}

const basic = (text: string) => `Basic ${new TextEncoder().encode(text).toBase64()}`;

Deno.test("Authenticator accepts the correct password only", () => {
  const { ask } = setUp({ user: "me", password: "se:cret" });
  assertEquals(ask(basic("me:se:cret")), undefined);
  assertEquals(ask(basic("me:se:cret").replace("Basic", "bASIC")), undefined);
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
    const address = `${Math.random()}`; // so that the rate limit is not reached
    assertEquals([wrong, ask(wrong, address)], [wrong, 401]);
  }
});

Deno.test("Authenticator accepts a password beyond ASCII in UTF-8, and in Latin-1 as Python's clients send it", () => {
  const { ask } = setUp({ user: "jörg", password: "pässword" });
  assertEquals(ask(basic("jörg:pässword")), undefined);
  assertEquals(ask(`Basic ${btoa("jörg:pässword")}`), undefined);
  const { ask: askOther } = setUp({ user: "me", password: "密碼" });
  assertEquals(askOther(basic("me:密碼")), undefined);
  // These are the low bytes of the characters of the password.
  assertEquals(askOther(`Basic ${btoa("me:\xc6\xbc")}`), 401);
});

Deno.test("Authenticator asks for a user and a password in UTF-8", () => {
  const { authenticator } = setUp({ user: "me", password: "x" });
  const denial = authenticator.check({ address: "a", authorization: undefined, hosts: [] });
  assertEquals(denial?.headers, { "WWW-Authenticate": 'Basic realm="dinocam", charset="UTF-8"' });
});

Deno.test("Authenticator blocks an address after ten failed log-ins, even with the correct password", async () => {
  const { authenticator, ask, clock } = setUp({ user: "me", password: "right" });
  const tries = await Promise.all(Array.from({ length: 40 }, () => ask(basic("me:wrong"))));
  assertEquals(tries, [...Array(10).fill(401), ...Array(30).fill(429)]);
  const request = { address: "192.0.2.1", authorization: basic("me:right"), hosts: [] };
  assertEquals(authenticator.check(request)?.headers, { "Retry-After": "5" });
  assertEquals(ask(basic("me:right"), "192.0.2.2"), undefined);
  await clock.advance(5_000);
  assertEquals(ask(basic("me:right")), undefined);
});

Deno.test("Authenticator never blocks an address with successful log-ins", () => {
  const { ask } = setUp({ user: "me", password: "right" });
  for (let i = 0; i < 50; i++) assertEquals(ask(basic("me:right")), undefined);
});

Deno.test("Authenticator logs a failed log-in with its address but without its credentials", () => {
  const { ask, lines } = setUp({ user: "root", password: "hunter2" });
  ask(basic("root:hunter3"));
  ask(undefined); // a browser's first request
  assertEquals(lines, ['log-in failed {"address":"192.0.2.1"}']);
});

Deno.test("Authenticator for this machine accepts only requests that name this machine", () => {
  const { authenticator } = setUp("this machine");
  const ask = (...hosts: string[]) =>
    authenticator.check({ address: "127.0.0.1", authorization: undefined, hosts })?.status;
  assertEquals(ask("localhost:8000", "localhost:8000"), undefined);
  assertEquals(ask("127.0.0.1", "127.0.0.1"), undefined);
  assertEquals(ask("[::1]:80"), undefined);
  for (const host of ["evil.example", "evil.example:8000", "localhost:x", "localhost:8000:1", ""]) {
    assertEquals([host, ask(host)], [host, 403]);
    assertEquals([host, ask("localhost", host)], [host, 403]);
    assertEquals([host, ask(host, "localhost")], [host, 403]);
  }
});

Deno.test("Authenticator for anyone accepts every request", () => {
  const { ask } = setUp("anyone");
  assertEquals(ask(undefined), undefined);
  assertEquals(ask(basic("x:y")), undefined);
});

Deno.test("Authenticator rejects passwords that are nearly correct", async () => {
  const { ask, clock } = setUp({ user: "me", password: "secret" });
  const near = ["s", "secre", "secretsecret", "secretme:secret", "secret\0", "Secret", "\0ecret"];
  for (const tried of near) {
    assertEquals([tried, ask(basic(`me:${tried}`))], [tried, 401]);
    await clock.advance(60_000);
  }
  assertEquals(ask("Basic "), 401);
  assertEquals(ask(basic("me:secret")), undefined);
});

Deno.test("Authenticator accepts fifty correct log-ins at once from one address", async () => {
  const { authenticator } = setUp({ user: "me", password: "secret" });
  const request = { address: "proxy", authorization: basic("me:secret"), hosts: ["cam.example"] };
  const denials = await Promise.all(Array.from({ length: 50 }, async () => {
    await Promise.resolve();
    return authenticator.check(request);
  }));
  assertEquals(denials, Array(50).fill(undefined));
});

Deno.test("Authenticator accepts the correct password from an address that it came from, while a client there repeats an old one", async () => {
  const { ask, clock } = setUp({ user: "me", password: "right" });
  assertEquals(ask(basic("me:right")), undefined);
  const statuses: (number | undefined)[] = [];
  for (let second = 0; second < 120; second++) {
    statuses.push(ask(basic("me:old")));
    assertEquals(ask(basic("me:right")), undefined);
    await clock.advance(1_000);
  }
  assertEquals(statuses.filter((status) => status === 401).length, 10 + 23);
  assertEquals(statuses.filter((status) => status === 429).length, 120 - 33);
});

Deno.test("Authenticator accepts the correct password at once after a burst of old ones", () => {
  const { ask } = setUp({ user: "me", password: "right" });
  assertEquals(ask(basic("me:right")), undefined);
  for (let n = 0; n < 100; n++) ask(basic("me:old"));
  assertEquals(ask(basic("me:old")), 429);
  assertEquals(ask(basic("me:right")), undefined);
  assertEquals(ask(basic("me:right"), "::ffff:192.0.2.1"), undefined);
});

Deno.test("Authenticator allows no more guesses from an address that the correct password came from", async () => {
  for (const loggedIn of [false, true]) {
    const { ask, clock } = setUp({ user: "me", password: "right" });
    if (loggedIn) ask(basic("me:right"));
    let guesses = 0;
    for (let second = 0; second < 60; second++) {
      for (let n = 0; n < 20; n++) if (ask(basic(`me:${second} ${n}`)) === 401) guesses++;
      // The response to the correct password would show an attacker that the guess is right.
      if (second > 0 && second % 5 !== 0) assertEquals(ask(basic("me:right")), 429);
      await clock.advance(1_000);
    }
    assertEquals(guesses, 10 + 11);
  }
});
