import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { isLoopback, readAccess } from "../../../lib/auth/mod.ts";
import { ConfigError } from "../../../lib/errors.ts";

Deno.test("readAccess() reads a user and a password, which may contain colons, spaces and any letters", () => {
  assertEquals(readAccess("me:secret", "0.0.0.0"), { user: "me", password: "secret" });
  assertEquals(readAccess("me:se:cr:et", "::"), { user: "me", password: "se:cr:et" });
  assertEquals(readAccess("jörg:пароль 密碼 🔑 ", "127.0.0.1"), {
    user: "jörg",
    password: "пароль 密碼 🔑 ",
  });
});

Deno.test("readAccess() without AUTH allows this machine only, and only on loopback addresses", () => {
  for (const host of ["127.0.0.1", "localhost", "LOCALHOST", "::1", "127.1.2.3"]) {
    for (const auth of [undefined, "", "  "]) assertEquals(readAccess(auth, host), "this machine");
  }
  for (const host of ["0.0.0.0", "::", "192.168.1.2", "raspberrypi", "127.0.0.1.evil.example"]) {
    for (const auth of [undefined, "", "  "]) {
      const error: Error = assertThrows(() => readAccess(auth, host), ConfigError);
      assertEquals(
        error.message,
        `Cannot listen on HOST "${host}" without AUTH: set AUTH=user:password, or AUTH=none if ` +
          "anyone may watch",
      );
    }
  }
});

Deno.test("readAccess() with AUTH=none allows everyone on any address", () => {
  for (const host of ["127.0.0.1", "0.0.0.0"]) assertEquals(readAccess("none", host), "anyone");
});

Deno.test("readAccess() rejects an invalid AUTH without quoting it", () => {
  for (const auth of ["hunter2", ":hunter2", "hunter2:", "me:hunter2\n", "hunt\0er2:x", "None"]) {
    const error: Error = assertThrows(() => readAccess(auth, "127.0.0.1"), ConfigError);
    assertEquals(error.message.split(": ")[0], "Cannot read AUTH as user:password, or as none");
    assertFalse(error.message.includes("hunter2"));
  }
});

Deno.test("isLoopback() accepts only names and addresses that can be no other machine", () => {
  for (const host of ["localhost", "localhost.", "127.0.0.1", "[::1]", "::1"]) {
    assertEquals([host, isLoopback(host)], [host, true]);
  }
  for (
    const host of [
      "",
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "evil.example#localhost",
      "user@localhost",
      "localhost/",
      "1270.0.0.1",
      "127.0.0",
      "[::2]",
      "0.0.0.0",
      "localhost\n",
    ]
  ) {
    assertEquals([host, isLoopback(host)], [host, false]);
  }
});
