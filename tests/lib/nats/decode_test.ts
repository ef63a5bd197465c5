import { assertEquals } from "@std/assert";
import { decodeBeat, decodeFrame, decodeWant } from "../../../lib/nats/decode.ts";
import {
  type Beat,
  beatSubject,
  encodeFrame,
  FRAME_HEADER,
  type FrameHeader,
  type Want,
} from "../../../lib/nats/protocol.ts";

const header: FrameHeader = {
  capturedAt: 1_767_225_600_000.5,
  monotonic: 12_345.25,
  epoch: 1_767_225_500_000.125,
  sequence: 4_000_000_000,
  roundTrip: 12,
};
const beat: Beat = {
  camera: "front",
  epoch: 1_767_225_500_000.125,
  now: 1_767_225_600_000,
  monotonic: 5,
  driver: "usb",
  state: "streaming",
  error: undefined,
  fps: 29.9,
  size: "1280x720",
  watched: true,
  gone: false,
};

function message(json: unknown, camera = "front") {
  const text = typeof json === "string" ? json : JSON.stringify(json);
  return { subject: beatSubject(camera), data: new TextEncoder().encode(text) };
}

Deno.test("decodeFrame() reads what encodeFrame() has written", () => {
  const jpeg = new Uint8Array([0xff, 0xd8, 1, 2]);
  assertEquals(decodeFrame(encodeFrame(jpeg, header)), { ...header, jpeg });
  // A message is a part of a larger buffer.
  const larger = new Uint8Array(100);
  larger.set(encodeFrame(jpeg, header), 7);
  const { capturedAt } = decodeFrame(larger.subarray(7, 7 + FRAME_HEADER + 4))!;
  assertEquals(capturedAt, header.capturedAt);
});

Deno.test("decodeFrame() rejects what is no frame", () => {
  assertEquals(decodeFrame(new Uint8Array(0)), undefined);
  assertEquals(decodeFrame(new Uint8Array(FRAME_HEADER)), undefined);
  assertEquals(decodeFrame(new Uint8Array(FRAME_HEADER + 16 * 1024 * 1024 + 1)), undefined);
  for (const field of ["capturedAt", "monotonic", "epoch"]) {
    for (const value of [NaN, Infinity]) {
      const bytes = encodeFrame(new Uint8Array(4), { ...header, [field]: value });
      assertEquals(decodeFrame(bytes), undefined, `${field} ${value}`);
    }
  }
});

Deno.test("decodeBeat() reads a beat", () => {
  assertEquals(decodeBeat(message(beat)), beat);
});

Deno.test("decodeBeat() rejects invalid beats, and those of another camera", () => {
  assertEquals(decodeBeat(message(beat, "yard")), undefined);
  for (const text of ["", "null", "[]", "3", "{", '"x"', "\xff"]) {
    assertEquals(decodeBeat(message(text)), undefined, text);
  }
  const wrong: Record<string, unknown[]> = {
    camera: ["", "a.b", "a b", "x".repeat(65), 3, undefined],
    epoch: ["1", null, undefined],
    now: [undefined, "x"],
    monotonic: [undefined, {}],
    driver: ["", 3, "a b", "\x1b[2J"],
    state: ["", "on", 1, undefined],
    fps: [-1, "30", null],
  };
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const camera = field === "camera" ? String(value) : "front";
      assertEquals(decodeBeat(message({ ...beat, [field]: value }, camera)), undefined, field);
    }
  }
  assertEquals(decodeBeat(message({ ...beat, more: "x".repeat(4_096) })), undefined);
});

Deno.test("decodeBeat() makes a reason printable, and cuts it", () => {
  const { error } = decodeBeat(message({ ...beat, error: `a\nb\x1b[2J${"x".repeat(1_000)}` }))!;
  assertEquals(error!.slice(0, 14), "a\\nb\\u001b[2Jx");
  assertEquals(error!.at(-1), "…");
  assertEquals(error!.length < 320, true);
  const others = decodeBeat(message({ ...beat, error: 3, size: "big", watched: 1, gone: "no" }))!;
  assertEquals([others.error, others.size, others.watched, others.gone], [
    undefined,
    undefined,
    false,
    false,
  ]);
});

Deno.test("decodeWant() reads a want, and nothing else", () => {
  const decode = (json: unknown) => decodeWant(new TextEncoder().encode(JSON.stringify(json)));
  const none = { epoch: undefined, lane: undefined, new: undefined, bye: undefined };
  const valid: Want[] = [
    { edge: "e" },
    { edge: "x".repeat(64), epoch: 1.5, lane: 7, new: true },
    { edge: "e", bye: true },
  ];
  for (const want of valid) assertEquals(decode(want), { ...none, ...want });
  assertEquals(decode({ edge: "e", unknown: 1 }), { ...none, edge: "e" });
  const invalid = [
    ...[null, [], "e", 1, {}, { edge: "" }, { edge: "x".repeat(65) }, { edge: 1 }],
    ...[-1, 8, 0.5, "0", null].map((lane) => ({ edge: "e", lane })),
    ...["1", null].map((epoch) => ({ edge: "e", epoch })),
    ...[{ new: 1 }, { bye: "true" }].map((fields) => ({ edge: "e", ...fields })),
    { edge: "e", more: "x".repeat(4_096) },
  ];
  for (const json of invalid) assertEquals([json, decode(json)], [json, undefined]);
  assertEquals(decodeWant(new TextEncoder().encode("{")), undefined);
});
