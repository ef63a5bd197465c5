import { assertEquals, assertThrows } from "@std/assert";
import { readCommand } from "../../../lib/cli/flags.ts";
import { ConfigError } from "../../../lib/errors.ts";

Deno.test("readCommand() reads each command, and serves without an argument", () => {
  for (
    const [args, command] of [
      [[], "serve"],
      [["doctor"], "doctor"],
      [["--list-cameras"], "list-cameras"],
      [["--help"], "help"],
      [["-h"], "help"],
      [["--version"], "version"],
      [["doctor", "--help"], "help"],
      [["--version", "--help"], "help"],
    ] as const
  ) assertEquals(readCommand(args), command);
});

Deno.test("readCommand() names an unknown argument", () => {
  for (const arg of ["x", "--prot", "--help=1", "toString", ""]) {
    const error: ConfigError = assertThrows(() => readCommand(["doctor", arg]), ConfigError);
    assertEquals(
      error.message,
      `Unknown argument "${arg}": expected doctor, --list-cameras, --help or --version`,
    );
  }
});
