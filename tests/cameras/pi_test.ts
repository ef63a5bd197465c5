import pi from "../../cameras/pi.ts";
import { testConformance } from "./conformance.ts";
import { standIn, withEnvironment } from "./stand_in.ts";

const windows = Deno.build.os === "windows";

testConformance({
  behind: "pi, with the stand-in for rpicam-vid",
  driver: pi,
  ignore: windows,
  setUp: () => setUp(),
});

function setUp(faults: Record<string, string> = {}) {
  const environment = withEnvironment(standIn(faults));
  return Promise.resolve({
    env: { WIDTH: "320", HEIGHT: "240", FPS: "20" },
    [Symbol.asyncDispose]: () => Promise.resolve(environment[Symbol.dispose]()),
  });
}
