import { assertEquals } from "@std/assert";
import { SETTINGS } from "../../../lib/cli/settings.ts";
import { findCriticalMistake } from "../../../lib/settings_check/mod.ts";

const FRONT = { name: "front", driver: "pi" };
const GROUP = { name: "nats", driver: "nats", isGroup: true };
const MASK = "0,0,30,20";

function mistakeIn(env: Record<string, string>, cameras = [FRONT]): string | undefined {
  const mistake = findCriticalMistake({ env, settings: SETTINGS, cameras });
  return mistake && `${mistake.text}; ${mistake.advice}`;
}

Deno.test("findCriticalMistake() accepts PRIVACY_MASK for all cameras and for one", () => {
  assertEquals(mistakeIn({ PRIVACY_MASK: MASK, FRONT_PRIVACY_MASK: MASK }), undefined);
});

for (
  const [variable, advice] of [
    ["PRIVACY_MASKS", "did you mean PRIVACY_MASK?"],
    ["PRIVACYMASK", "did you mean PRIVACY_MASK?"],
    ["PRIVCY_MAKS", "did you mean PRIVACY_MASK?"],
    ["MASK", "did you mean PRIVACY_MASK?"],
    ["privacy_mask", "did you mean PRIVACY_MASK?"],
    ["PRIVACY_MASK_FRONT", "did you mean FRONT_PRIVACY_MASK?"],
    ["FRONT_PRIVACY_MASKS", "did you mean FRONT_PRIVACY_MASK?"],
    ["FRONT_MASK", "did you mean FRONT_PRIVACY_MASK?"],
    ["front_privacy_mask", "did you mean FRONT_PRIVACY_MASK?"],
    ["FRNT_PRIVACY_MASK", "did you mean FRONT_PRIVACY_MASK?"],
    [
      "BACK_PRIVACY_MASK",
      "for all cameras set PRIVACY_MASK; to name a camera set CAMERA=back=DRIVER",
    ],
    ["BACK_PRIVACY_MASKS", "did you mean PRIVACY_MASK?"],
    // INPUT_ is otherwise the beginning of other programs' variables.
    ["INPUT_PRIVACY_MASK", "did you mean PRIVACY_MASK?"],
  ] as const
) {
  Deno.test(`findCriticalMistake() finds ${variable}`, () => {
    assertEquals(mistakeIn({ [variable]: MASK })?.split("; ").slice(1).join("; "), advice);
  });
}

Deno.test("findCriticalMistake() ignores variables of other programs, and empty ones", () => {
  const others = { MASK: "255.255.255.0", UMASK: "022", PRIVACY_MODE: "on", PRIVACY: MASK };
  assertEquals(mistakeIn({ ...others, BACK_PRIVACY_MASK: " " }), undefined);
});

Deno.test("findCriticalMistake() accepts cameras that may appear, but not the name of a driver that discovers them", () => {
  const cameras = [FRONT, GROUP];
  assertEquals(mistakeIn({ YARD_PRIVACY_MASK: MASK }, cameras), undefined);
  assertEquals(
    mistakeIn({ NATS_PRIVACY_MASK: MASK }, cameras),
    "NATS_PRIVACY_MASK is not read: CAMERA=nats stands for all cameras that it discovers; " +
      "for all cameras set PRIVACY_MASK",
  );
  assertEquals(
    mistakeIn({ YARD_PRIVACY_MASKS: MASK }, cameras),
    "YARD_PRIVACY_MASKS is not a setting; did you mean PRIVACY_MASK?",
  );
});
