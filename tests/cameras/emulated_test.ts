import emulated from "../../cameras/emulated.ts";
import { testConformance } from "./conformance.ts";

testConformance({
  source: "emulated, with its three images",
  driver: emulated,
  setUp: () => Promise.resolve({ env: { FPS: "20" }, [Symbol.asyncDispose]: async () => {} }),
});
