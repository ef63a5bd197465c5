import { assertEquals } from "@std/assert";
import { decodePercent } from "../../lib/percent.ts";

Deno.test("decodePercent() decodes escapes, and leaves a % that begins no escape", () => {
  const texts = {
    "50%^x": "50%^x",
    "100%": "100%",
    "%zz%4": "%zz%4",
    "a%40b%2fc": "a@b/c",
    "%C3%BC%25": "ü%",
    "%FC%ff": "üÿ",
    "%e2%82%ac%FC": "â\x82¬ü",
    "%%41": "%A",
    "": "",
  };
  for (const [text, expected] of Object.entries(texts)) {
    assertEquals(decodePercent(text), expected, text);
  }
});
