import { assertEquals, assertThrows } from "@std/assert";
import { splitShellWords } from "../../lib/shell_words.ts";
import { ConfigError } from "../../lib/errors.ts";
import { Random } from "../random.ts";

const CASES: [command: string, words: string[]][] = [
  ["", []],
  [" \t ", []],
  ["ffmpeg", ["ffmpeg"]],
  ["  ffmpeg  -i\tx ", ["ffmpeg", "-i", "x"]],
  ["'a b'  \"c d\"", ["a b", "c d"]],
  ["'' \"\"", ["", ""]],
  ["a '' b", ["a", "", "b"]],
  ["a''b\"\"c", ["abc"]],
  [`--name='front door'"s"\\ x`, ["--name=front doors x"]],
  [`'"' "'"`, ['"', "'"]],
  [`'a\\b' '\\'`, ["a\\b", "\\"]],
  [`"\\" \\\\ \\$ \\\` \\a \\'"`, [`" \\ $ \` \\a \\'`]],
  [`\\a\\ \\'\\"\\\\\\|\\$`, [`a '"\\|$`]],
  ["'|&;<>()$`\n'", ["|&;<>()$`\n"]],
  ['"|&;<>()\n"', ["|&;<>()\n"]],
  ["\\| \\& \\; \\< \\> \\( \\) \\$ \\`", ["|", "&", ";", "<", ">", "(", ")", "$", "`"]],
  ["a\\\nb", ["ab"]],
  ["a \\\n b", ["a", "b"]],
  ['"a\\\nb"', ["ab"]],
  ["'a\\\nb'", ["a\\\nb"]],
  ["rtsp://me@door/x?a=1 %d-{x} a=b # é 📷", [
    "rtsp://me@door/x?a=1",
    "%d-{x}",
    "a=b",
    "#",
    "é",
    "📷",
  ]],
];
const hasShell = await new Deno.Command("sh", { args: ["-c", ":"] }).output()
  .then(({ success }) => success, () => false);

Deno.test("A command is split at its blanks, and quotes and backslashes hold words together", () => {
  for (const [command, words] of CASES) assertEquals(splitShellWords(command), words, command);
});

Deno.test({
  name: "A command is split as sh splits it",
  ignore: !hasShell,
  async fn() {
    const same = CASES.filter(([command]) => !command.includes("#")); // where sh has a comment
    for (const [command] of same) {
      const script = `for word in ${command}\ndo printf '%s\\0' "$word"\ndone`;
      const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
      const words = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
      assertEquals(splitShellWords(command), words, command);
    }
  },
});

Deno.test("Nothing is expanded", () => {
  assertEquals(splitShellWords(`* ? [a] ~ {a,b} !x "$HOME" "\`id\`"`), [
    "*",
    "?",
    "[a]",
    "~",
    "{a,b}",
    "!x",
    "$HOME",
    "`id`",
  ]);
});

Deno.test("An operator of the shell outside of quotes is refused by name, with the way to a shell", () => {
  for (const operator of "|&;<>()$`\n") {
    const error: Error = assertThrows(() => splitShellWords(`ls 'a' ${operator} x`), ConfigError);
    const name = operator === "\n" ? "a line break" : `"${operator}"`;
    assertEquals(
      error.message,
      `Cannot run a command with ${name} outside of quotes (character 8): ` +
        "there is no shell; to have one, write sh -c '...'",
    );
  }
  assertThrows(() => splitShellWords("ls>x"), ConfigError, '">"');
});

Deno.test("A quote without an end is refused, and so is a backslash at the end", () => {
  for (const [command, quote] of [["a 'b", "'"], ['a "b', '"'], ['a "b\\"', '"'], ["a \\", "\\"]]) {
    const error: Error = assertThrows(() => splitShellWords(command!), ConfigError);
    assertEquals(
      error.message,
      `Cannot split a command into arguments: nothing ends the ${quote} at character 3`,
    );
  }
});

Deno.test("Words that were quoted in any way are the same after splitting", () => {
  const random = new Random(3);
  const characters = [..."ab \t\n'\"\\|&;<>()$`*?~#é"];
  for (let run = 0; run < 2_000; run++) {
    const words = Array.from({ length: random.integer(0, 6 - 1) }, () => {
      return Array.from({ length: random.integer(0, 8 - 1) }, () => random.of(characters)).join("");
    });
    const command = words.map((word) => quoted(word, random)).join(random.of([" ", "  ", "\t"]));
    assertEquals(splitShellWords(command), words, command);
  }
});

/** Quotes a word piece by piece, each in one of the ways that there are. */
function quoted(word: string, random: Random): string {
  let command = word === "" ? random.of(["''", '""']) : "";
  for (let rest = word; rest !== "";) {
    const piece = rest.slice(0, 1 + random.integer(0, rest.length - 1));
    rest = rest.slice(piece.length);
    const ways = [
      `'${piece.replaceAll("'", `'"'"'`)}'`,
      `"${piece.replaceAll(/["\\$`]/g, "\\$&")}"`,
      piece.replaceAll(/[^\n]/g, "\\$&").replaceAll("\n", "'\n'"),
    ];
    command += random.of(/^[a-z]+$/.test(piece) ? [...ways, piece] : ways);
  }
  return command;
}
