import { assertEquals, assertThrows } from "@std/assert";
import type { CameraDriver, CommonSettings } from "../../../lib/camera/driver.ts";
import { configureDriver } from "../../../lib/camera/open.ts";
import { type Env, forCamera } from "../../../lib/env.ts";
import { ConfigError } from "../../../lib/errors.ts";

/** Returns the orientation that the server takes a driver to apply. */
function orientationOf(configure: (env: Env) => unknown, env: Env = { ROTATE: "90" }) {
  const driver = { configure, async *open() {} } as unknown as CameraDriver<CommonSettings>;
  return configureDriver(driver, { name: "own", env, isBuiltIn: false }).orientation;
}

Deno.test("a driver applies the orientation that it returns", () => {
  const orientation = { rotation: 180, mirrored: true };
  assertEquals(orientationOf(() => ({ orientation })), orientation);
  const none = { rotation: 0, mirrored: false };
  assertEquals(orientationOf(({ ROTATE }) => ({ ROTATE, orientation: none })), none);
});

Deno.test("a driver that reads ROTATE, and returns no orientation, is taken to apply it", () => {
  const front = forCamera({ ROTATE: "90", FRONT_ROTATE: "270", FLIP: "both" }, "front");
  assertEquals(orientationOf(({ ROTATE }) => ({ ROTATE })), { rotation: 90, mirrored: false });
  assertEquals(orientationOf(({ ROTATE }) => ({ ROTATE }), front), {
    rotation: 270,
    mirrored: false,
  });
  assertEquals(orientationOf(({ FPS }) => ({ FPS })), undefined);
  assertEquals(orientationOf(({ ROTATE }) => ({ ROTATE }), { ROTATE: "0" }), undefined);
  assertEquals(orientationOf(() => undefined), undefined);
});

Deno.test("a driver with an invalid orientation is refused", () => {
  for (const orientation of [90, null, { rotation: 45, mirrored: false }, { rotation: 90 }]) {
    assertThrows(
      () => orientationOf(() => ({ orientation })),
      ConfigError,
      'Cannot configure camera driver "own": orientation must have a rotation of 0, 90, 180 or 270',
    );
  }
});
