import { assertEquals } from "@std/assert";
import { readEnvironment } from "../../../lib/cli/environment.ts";

Deno.test("readEnvironment() converts the names of variables to capitals, on Windows only", () => {
  const variables = { Path: "C:\\bin", camera: "usb" };
  assertEquals(readEnvironment(variables, "windows"), { PATH: "C:\\bin", CAMERA: "usb" });
  assertEquals(readEnvironment(variables, "linux"), variables);
});
