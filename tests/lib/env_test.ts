import { assertEquals, assertThrows } from "@std/assert";
import {
  cameraName,
  forCamera,
  isCameraName,
  parse,
  readChoice,
  readInteger,
  readNumber,
  trimValues,
  variableName,
} from "../../lib/env.ts";
import { ConfigError } from "../../lib/errors.ts";

const RANGE = { min: 1, max: 240 };

Deno.test("readInteger() accepts whole numbers in the range only", () => {
  for (const [text, value] of [["1", 1], ["240", 240], [" 30 ", 30], ["007", 7]] as const) {
    assertEquals(readInteger({ FPS: text }, "FPS", RANGE), value);
  }
  for (const text of ["0", "241", "-1", "+1", "1.5", "1e2", "0x10", "30fps", "NaN", "１", "1 2"]) {
    assertThrows(() => readInteger({ FPS: text }, "FPS", RANGE), ConfigError);
  }
});

Deno.test("readNumber() accepts numbers in the range only", () => {
  for (
    const [text, value] of [["1", 1], ["29.97", 29.97], [" 1.5", 1.5], ["240.0", 240]] as const
  ) {
    assertEquals(readNumber({ FPS: text }, "FPS", RANGE), value);
  }
  for (const text of ["0.99", "240.1", "-1", "1.2.3", ".", "1,5", "1e2", "Infinity", "fast"]) {
    assertThrows(() => readNumber({ FPS: text }, "FPS", RANGE), ConfigError);
  }
});

Deno.test("readChoice() accepts one of the words, exactly as written", () => {
  const choices = ["0", "180"] as const;
  assertEquals(readChoice({ ROTATE: "180" }, "ROTATE", choices), "180");
  const error = assertThrows(() => readChoice({ ROTATE: "90" }, "ROTATE", choices), ConfigError);
  assertEquals(error.message, 'Cannot read ROTATE as "0" or "180": current value is "90"');
});

Deno.test("readNumber() and the others treat a missing, empty or blank variable as not set", () => {
  for (const env of [{}, { FPS: undefined }, { FPS: "" }, { FPS: "  " }]) {
    assertEquals(readInteger(env, "FPS", RANGE), undefined);
    assertEquals(readNumber(env, "FPS", RANGE), undefined);
    assertEquals(readChoice(env, "FPS", ["1"]), undefined);
  }
});

Deno.test("parse() rejects an invalid value with its name, the expected value, and the current value", () => {
  const messages = [
    () => readInteger({ FPS: "fast" }, "FPS", RANGE),
    () => readNumber({ FPS: "fast" }, "FPS", RANGE),
    () => parse({ X: 'a "b"\nc' }, "X", "a word", () => undefined),
  ].map((read) => assertThrows(read, ConfigError).message);
  assertEquals(messages, [
    'Cannot read FPS as a whole number from 1 to 240: current value is "fast"',
    'Cannot read FPS as a number from 1 to 240: current value is "fast"',
    'Cannot read X as a word: current value is "a \\"b\\"\\nc"',
  ]);
});

Deno.test("forCamera() overrides the settings for all cameras with those of one camera", () => {
  const env = { FPS: "30", FRONT_FPS: "10", FRONT_GATE_FPS: "5", BACK_SOURCE: "1", PATH: "/bin" };
  const front = forCamera(env, "front");
  assertEquals([front.FPS, front.PATH, front.SOURCE], ["10", "/bin", undefined]);
  assertEquals(forCamera(env, "front-gate").FPS, "5");
  const back = forCamera(env, "Back");
  assertEquals([back.FPS, back.SOURCE], ["30", "1"]);
  assertEquals(env.FPS, "30");
});

Deno.test("forCamera() ignores an empty setting of a camera", () => {
  assertEquals(forCamera({ FPS: "30", FRONT_FPS: "" }, "front").FPS, "30");
});

Deno.test("forCamera() keeps the names that the user wrote, for error messages", () => {
  const front = forCamera({ FPS: "slow", FRONT_WIDTH: "wide" }, "front");
  assertThrows(() => readInteger(front, "WIDTH", RANGE), ConfigError, "Cannot read FRONT_WIDTH as");
  assertThrows(() => readInteger(front, "FPS", RANGE), ConfigError, "Cannot read FPS as");
  assertEquals([variableName(front, "WIDTH"), variableName({}, "WIDTH")], ["FRONT_WIDTH", "WIDTH"]);
});

Deno.test("trimValues() removes line ends and spaces, but keeps the spaces of a password", () => {
  const env = {
    PORT: "9000\r",
    SOURCE: " a b \r\n",
    HOST: "",
    AUTH: " me: secret \r\n",
    EMPTY: undefined,
  };
  assertEquals(trimValues(env), {
    PORT: "9000",
    SOURCE: "a b",
    HOST: "",
    AUTH: " me: secret ",
    EMPTY: "",
  });
});

Deno.test("cameraName() returns the name of the camera whose settings these are", () => {
  assertEquals(cameraName(forCamera({ FPS: "1" }, "front-gate")), "front-gate");
  assertEquals(cameraName({ FPS: "1" }), "");
});

Deno.test("isCameraName() accepts 1 to 64 letters, digits and hyphens", () => {
  for (const name of ["a", "Front-2", "x".repeat(64)]) {
    assertEquals([name, isCameraName(name)], [name, true]);
  }
  for (const name of ["", "a b", "a_b", "a/b", "é", "a\n", "x".repeat(65)]) {
    assertEquals([name, isCameraName(name)], [name, false]);
  }
});
