import { assertEquals } from "@std/assert";
import { CameraError, explain, messageWithHint } from "../../lib/errors.ts";

Deno.test("explain() joins an error's message with those of its causes", () => {
  const cause = new Error("read failed", { cause: new TypeError("Connection reset") });
  assertEquals(
    explain(new CameraError("Cannot open the camera", { cause })),
    "Cannot open the camera: read failed: Connection reset",
  );
  assertEquals(explain(new CameraError("busy", { cause: "device 3" })), "busy: device 3");
  assertEquals(explain(new Error("alone")), "alone");
  assertEquals(explain("just words"), "just words");
  assertEquals(explain(undefined), "undefined");
});

Deno.test("CameraError is not permanent by default", () => {
  const { name, message, hint, permanent, cause } = new CameraError("busy");
  assertEquals({ name, message, hint, permanent, cause }, {
    name: "CameraError",
    message: "busy",
    hint: undefined,
    permanent: false,
    cause: undefined,
  });
  const error = new CameraError("bad option", { hint: "update", permanent: true, cause: 1 });
  assertEquals([error.hint, error.permanent, error.cause], ["update", true, 1]);
});

Deno.test("messageWithHint() appends the hint, and the causes only on request", () => {
  const error = new CameraError("Cannot start x", { cause: new Error("denied"), hint: "check x" });
  assertEquals(messageWithHint(error), "Cannot start x (check x)");
  assertEquals(messageWithHint(error, { causes: true }), "Cannot start x: denied (check x)");
  assertEquals(messageWithHint(new Error("alone")), "alone");
});
