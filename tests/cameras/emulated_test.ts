import emulated from "../../cameras/emulated.ts";
import { testConformance } from "./conformance.ts";

testConformance({
  behind: "emulated, with its three pictures",
  driver: emulated,
  setUp: () => Promise.resolve({ env: { FPS: "20" }, [Symbol.asyncDispose]: async () => {} }),
});
