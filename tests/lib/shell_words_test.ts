import { assertEquals, assertThrows } from "@std/assert";
import { splitShellWords } from "../../lib/shell_words.ts";
import { ConfigError } from "../../lib/errors.ts";
import { needing } from "../parts.ts";
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
  [`--name='front gate'"s"\\ x`, ["--name=front gates x"]],
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
  ["rtsp://me@camera/x?a=1 %d-{x} a=b # é 📷", [
    "rtsp://me@camera/x?a=1",
    "%d-{x}",
    "a=b",
    "#",
    "é",
    "📷",
  ]],
];

/** Rules of POSIX systems, on any system. */
const split = (command: string) => splitShellWords(command, { os: "linux" });
const splitWindows = (command: string) => splitShellWords(command, { os: "windows" });

Deno.test("splitShellWords() splits at blanks outside quotes and without backslashes", () => {
  for (const [command, words] of CASES) assertEquals(split(command), words, command);
});

Deno.test({
  name: "splitShellWords() splits like sh",
  ...needing("sh"),
  async fn() {
    const same = CASES.filter(([command]) => !command.includes("#")); // a comment for sh
    for (const [command] of same) {
      const script = `for word in ${command}\ndo printf '%s\\0' "$word"\ndone`;
      const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
      const words = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
      assertEquals(split(command), words, command);
    }
  },
});

Deno.test("splitShellWords() expands nothing", () => {
  assertEquals(split(`* ? [a] ~ {a,b} !x "$HOME" "\`id\`"`), [
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

Deno.test("splitShellWords() rejects a shell operator outside quotes, and suggests sh -c", () => {
  for (const operator of "|&;<>()$`\n") {
    const error: Error = assertThrows(() => split(`ls 'a' ${operator} x`), ConfigError);
    const name = operator === "\n" ? "a line break" : `"${operator}"`;
    assertEquals(
      error.message,
      `Cannot run a command with ${name} outside quotes (character 8): ` +
        "no shell runs it; to use a shell, write sh -c '...'",
    );
  }
  assertThrows(() => split("ls>x"), ConfigError, '">"');
  for (const operator of "|&<>\n") {
    const name = operator === "\n" ? "a line break" : `"${operator}"`;
    const advice = 'no shell runs it; to use a shell, write cmd /c "..."';
    assertThrows(() => splitWindows(`dir ${operator} x`), ConfigError, name);
    assertThrows(() => splitWindows(`dir ${operator} x`), ConfigError, advice);
  }
});

Deno.test("splitShellWords() rejects an unterminated quote and a trailing backslash", () => {
  for (const [command, quote] of [["a 'b", "'"], ['a "b', '"'], ['a "b\\"', '"'], ["a \\", "\\"]]) {
    const error: Error = assertThrows(() => split(command!), ConfigError);
    assertEquals(
      error.message,
      `Cannot split a command into arguments: unterminated ${quote} at character 3`,
    );
  }
});

Deno.test("splitShellWords() keeps backslashes on Windows, as CommandLineToArgvW does", () => {
  const cases: [command: string, words: string[]][] = [
    [String.raw`C:\ffmpeg\bin\ffmpeg.exe -i x`, [String.raw`C:\ffmpeg\bin\ffmpeg.exe`, "-i", "x"]],
    [
      String.raw`"C:\Program Files (x86)\ffmpeg\ffmpeg.exe" -i "rtsp://camera/?a=1&b=2"`,
      [String.raw`C:\Program Files (x86)\ffmpeg\ffmpeg.exe`, "-i", "rtsp://camera/?a=1&b=2"],
    ],
    [String.raw`\\server\share\x.exe .\a\ \b`, [String.raw`\\server\share\x.exe`, ".\\a\\", "\\b"]],
    [String.raw`"\\server\c$\x y.exe" C:\c$(x);`, [String.raw`\\server\c$\x y.exe`, "C:\\c$(x);"]],
    [String.raw`'C:\a b\' c`, ["C:\\a b\\", "c"]],
    // The examples of Microsoft's "Parsing C command-line arguments".
    [String.raw`"a b c" d e`, ["a b c", "d", "e"]],
    [String.raw`"ab\"c" "\\" d`, ['ab"c', "\\", "d"]],
    [String.raw`a\\\b d"e f"g h`, [String.raw`a\\\b`, "de fg", "h"]],
    [String.raw`a\\\"b c d`, [String.raw`a\"b`, "c", "d"]],
    [String.raw`a\\\\"b c" d e`, [String.raw`a\\b c`, "d", "e"]],
  ];
  for (const [command, words] of cases) assertEquals(splitWindows(command), words, command);
});

Deno.test("splitShellWords() rejects an unterminated quote on Windows", () => {
  for (const [command, quote] of [["a 'b", "'"], ['a "b', '"'], ['a "C:\\b\\"', '"']]) {
    const error: Error = assertThrows(() => splitWindows(command!), ConfigError);
    assertEquals(
      error.message,
      `Cannot split a command into arguments: unterminated ${quote} at character 3`,
    );
  }
  assertEquals(splitWindows("a \\"), ["a", "\\"]);
});

Deno.test("splitShellWords() restores words that were quoted in any style", () => {
  const random = new Random(3);
  const characters = [..."ab \t\n'\"\\|&;<>()$`*?~#é"];
  for (let run = 0; run < 2_000; run++) {
    const words = Array.from({ length: random.integer(0, 6 - 1) }, () => {
      return Array.from({ length: random.integer(0, 8 - 1) }, () => random.of(characters)).join("");
    });
    const command = words.map((word) => quoted(word, random)).join(random.of([" ", "  ", "\t"]));
    assertEquals(split(command), words, command);
  }
});

/** Quotes a word piece by piece, each in a random style. */
function quoted(word: string, random: Random): string {
  let command = word === "" ? random.of(["''", '""']) : "";
  for (let rest = word; rest !== "";) {
    const piece = rest.slice(0, 1 + random.integer(0, rest.length - 1));
    rest = rest.slice(piece.length);
    const styles = [
      `'${piece.replaceAll("'", `'"'"'`)}'`,
      `"${piece.replaceAll(/["\\$`]/g, "\\$&")}"`,
      piece.replaceAll(/[^\n]/g, "\\$&").replaceAll("\n", "'\n'"),
    ];
    command += random.of(/^[a-z]+$/.test(piece) ? [...styles, piece] : styles);
  }
  return command;
}
