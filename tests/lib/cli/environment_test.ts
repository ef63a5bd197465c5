import { assertEquals } from "@std/assert";
import { readEnvironment } from "../../../lib/cli/environment.ts";

Deno.test("readEnvironment() converts the names of variables to capitals, on Windows only", () => {
  const variables = { Path: "C:\\bin", camera: "usb" };
  assertEquals(readEnvironment(variables, "windows"), { PATH: "C:\\bin", CAMERA: "usb" });
  assertEquals(readEnvironment(variables, "linux"), variables);
});

Deno.test("readEnvironment() removes line ends after values, but no spaces of a password", () => {
  const variables = { Camera: "usb\r\n", auth: "me: secret \r\n" };
  assertEquals(readEnvironment(variables, "windows"), { CAMERA: "usb", AUTH: "me: secret " });
});
