import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../lib/errors.ts";
import { formatSize, readSize } from "../../../lib/recording/size_setting.ts";

const read = (text: string) => readSize({ RECORD_MAX: text }, "RECORD_MAX");

Deno.test("readSize() reads decimal and binary units", () => {
  for (
    const [text, size] of [
      ...[["10G", 10e9], ["10GB", 10e9], ["10 gb", 10e9], ["500M", 5e8], ["1T", 1e12]] as const,
      ...[["512MiB", 2 ** 29], ["512Mi", 2 ** 29], ["1.5G", 1.5e9], ["2000k", 2e6]] as const,
      ...[["1M", 1e6], ["1000T", 1e15]] as const,
    ]
  ) {
    assertEquals(read(text), size, text);
  }
  assertEquals(read(""), undefined);
});

Deno.test("readSize() rejects everything else, and says what is valid", () => {
  for (const text of ["10", "0", "999K", "1001T", "-1G", "1P", "10 gigs", "1,5G", "1e9", "G"]) {
    const error = assertThrows(() => read(text), ConfigError);
    assertEquals(
      error.message,
      'Cannot read RECORD_MAX as a size from "1M" to "1000T", such as "500M", "10G" or "512MiB": ' +
        `current value is "${text}"`,
    );
  }
});

Deno.test("formatSize() rounds down to few digits", () => {
  for (
    const [bytes, text] of [
      ...[[-5, "0 bytes"], [0, "0 bytes"], [999, "999 bytes"], [1000, "1 kB"]] as const,
      ...[[1_590_000, "1.5 MB"], [12_900_000, "12 MB"], [999_999_999, "999 MB"]] as const,
      ...[[10e9, "10 GB"], [2.5e12, "2.5 TB"], [1e15, "1000 TB"]] as const,
    ]
  ) {
    assertEquals(formatSize(bytes), text);
  }
});
