import { assertEquals, assertLessOrEqual } from "@std/assert";
import { isQuoted, printable, quote, shellQuote, shorten } from "../../lib/quote.ts";

Deno.test("quote() cuts off a long value with an ellipsis", () => {
  assertEquals(quote("x".repeat(80)), `"${"x".repeat(80)}"`);
  assertEquals(quote("x".repeat(5_000)), `"${"x".repeat(80)}…"`);
  assertEquals(quote("📷".repeat(50)), `"${"📷".repeat(40)}…"`);
});

Deno.test("quote() escapes quotes, control characters and invisible characters", () => {
  assertEquals(
    quote('a"b\\c\n\x1b[31m\x7f\u202e\ud800'),
    '"a\\"b\\\\c\\n\\u001b[31m\\u007f\\u202e\\ud800"',
  );
  assertEquals(quote("Küche"), '"Küche"');
});

Deno.test("quote() counts the escaped characters", () => {
  for (const text of ["\x00", '"', "\u200b", "é\n"]) {
    assertLessOrEqual(quote(text.repeat(5_000)).length, 83, JSON.stringify(text));
  }
});

Deno.test("shorten() adds no quotes", () => {
  assertEquals(shorten('say "x"\n'), 'say "x"\\n');
  assertEquals(shorten("x".repeat(81)), `${"x".repeat(80)}…`);
});

Deno.test("isQuoted() needs the same quotation mark at both ends", () => {
  for (const text of ['"a"', "'a'", '""', "“a”", "„a“", "‘a’"]) {
    assertEquals([text, isQuoted(text)], [text, true]);
  }
  for (const text of ['"', '"a', `"a'`, "“a", "a", ""]) {
    assertEquals([text, isQuoted(text)], [text, false]);
  }
});

Deno.test("printable() escapes line breaks and control characters, and nothing else", () => {
  assertEquals(printable('é "x" \\ \n\x1b[2J\x9b\u202e'), 'é "x" \\ \\n\\u001b[2J\\u009b\\u202e');
});

Deno.test("shellQuote() quotes a value only if a shell would change it", () => {
  assertEquals(shellQuote("alsa:plughw:CARD=Device,DEV=0"), "alsa:plughw:CARD=Device,DEV=0");
  assertEquals(shellQuote("dshow:Bob's (USB)"), "'dshow:Bob'\\''s (USB)'");
  assertEquals(shellQuote(""), "''");
});
