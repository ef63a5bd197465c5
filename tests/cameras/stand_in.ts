import { FAKES } from "../server.ts";

/**
 * The environment of a server that runs the fake `rpicam-vid`, with faults: `{ FAKE_CAMERA_MODE:
 * "busy" }`.
 */
export function standIn(faults: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: `${FAKES}:${Deno.env.get("PATH")}`,
    FAKE_CAMERA_ID: crypto.randomUUID(), // each test gets a separate board
    FAKE_CAMERA_START_DELAY_MS: "50",
    FAKE_CAMERA_STOP_MS: "50",
    ...faults,
  };
}

/** Sets environment variables of this process, which its programs inherit, until disposed. */
export function withEnvironment(variables: Record<string, string>): Disposable {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) Deno.env.delete(name);
        else Deno.env.set(name, value);
      }
    },
  };
}
