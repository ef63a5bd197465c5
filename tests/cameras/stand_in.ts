import { FAKES } from "../server.ts";

/** The environment of a server whose `rpicam-vid` is the stand-in: `{ FAKE_CAMERA_MODE: "busy" }`. */
export function standIn(faults: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: `${FAKES}:${Deno.env.get("PATH")}`,
    FAKE_CAMERA_ID: crypto.randomUUID(), // a board of its own for each
    FAKE_CAMERA_START_DELAY_MS: "50",
    FAKE_CAMERA_STOP_MS: "50",
    ...faults,
  };
}

/** Sets variables of this process until it is disposed: drivers pass them on to their programs. */
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
