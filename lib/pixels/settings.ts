import { type Env, parse, readChoice } from "../env.ts";
import type { SettingTable, SettingValues } from "../setting.ts";
import type { Rotation } from "./orientation.ts";
import type { Rectangle } from "./rectangle.ts";

/** Maximum number of rectangles of a mask. */
const MAX_RECTANGLES = 100;
/** Maximum length of a text in the picture, in characters. */
const MAX_TEXT = 200;

/** The settings of what is changed in the pictures of a camera. */
export const PICTURE_SETTINGS = {
  rotate: {
    name: "ROTATE",
    alternatives: ["ROTATION"],
    default: "0",
    meaning: "clockwise rotation, in degrees: `0`, `90`, `180` or `270`",
    perCamera: true,
    read: (env, name) => {
      const choice = readChoice(env, name, ["0", "90", "180", "270"]);
      return choice && Number(choice) as Rotation;
    },
  },
  flip: {
    name: "FLIP",
    alternatives: ["MIRROR", "HFLIP", "VFLIP"],
    meaning:
      "mirrors the picture after the rotation: `horizontal`, `vertical` or `both`. `off`: not, " +
      "for one camera",
    perCamera: true,
    read: unlessOff((env, name) => readChoice(env, name, ["horizontal", "vertical", "both"])),
  },
  mask: {
    name: "PRIVACY_MASK",
    alternatives: ["MASK", "PRIVACY_MASKS", "MASKS", "PRIVACY_ZONES"],
    meaning:
      "rectangles that are grey in all pictures, in per cent: left, top, right and bottom of " +
      "each, as in `0,0,30,20;60,10,100,40`. `off`: none, for one camera",
    perCamera: true,
    critical: true, // a mask without effect is noticed too late
    read: unlessOff(readMask),
  },
  overlay: {
    name: "OVERLAY",
    alternatives: ["TEXT", "OVERLAY_TEXT", "TIMESTAMP", "OSD"],
    meaning:
      "text in the picture; `%name`, `%date` and `%time` are replaced: `%name %date %time`. " +
      "Letters are those of ASCII and of most Latin alphabets, as `é`, `ß` and `Ł`; others are " +
      "shown as `?`. `off`: none, for one camera",
    perCamera: true,
    read: unlessOff(readText),
  },
  overlayPlace: {
    name: "OVERLAY_PLACE",
    alternatives: ["OVERLAY_POSITION"],
    default: "top",
    meaning: "where the text is: `top` or `bottom`, which takes more CPU time",
    perCamera: true,
    read: (env, name) => readChoice(env, name, ["top", "bottom"]),
  },
  smallSource: {
    name: "SMALL_SOURCE",
    alternatives: ["SUB_SOURCE", "SUBSTREAM", "SOURCE_SMALL"],
    meaning: "`SOURCE` of the same camera's second, smaller stream, for small pictures",
    perCamera: true,
    notDiscovered: true,
    secret: true, // an address can contain a password
    read: (env, name) => env[name]?.trim() || undefined,
  },
} as const satisfies SettingTable;

/** What is changed in the pictures of one camera. */
export type PictureSettings = SettingValues<typeof PICTURE_SETTINGS>;

/** Reads a value unless it is `off`: then a camera does not have what is set for all cameras. */
function unlessOff<T>(read: (env: Env, name: string) => T | undefined): typeof read {
  return (env, name) => env[name]?.trim() === "off" ? undefined : read(env, name);
}

/** Reads `PRIVACY_MASK`. @throws {ConfigError} If it is not a list of rectangles. */
function readMask(env: Env, name: string): readonly Rectangle[] | undefined {
  const wanted = `at most ${MAX_RECTANGLES} rectangles in per cent (left, top, right, bottom), ` +
    'as "0,0,30,20;60,10,100,40"';
  return parse(env, name, wanted, (text) => {
    const rectangles = text.replace(/;\s*$/, "").split(";").map(readRectangle);
    if (rectangles.length > MAX_RECTANGLES) return undefined;
    return rectangles.every((one) => one !== undefined) ? rectangles : undefined;
  });
}

function readRectangle(text: string): Rectangle | undefined {
  const numbers = text.split(",").map((part) => part.trim());
  if (numbers.length !== 4 || !numbers.every((part) => /^\d+(\.\d+)?$/.test(part))) {
    return undefined;
  }
  const [left, top, right, bottom] = numbers.map(Number) as [number, number, number, number];
  const isValid = left < right && top < bottom && right <= 100 && bottom <= 100;
  return isValid ? { left, top, right, bottom } : undefined;
}

/** Reads `OVERLAY`. @throws {ConfigError} If it is too long, or of several lines. */
function readText(env: Env, name: string): string | undefined {
  return parse(
    env,
    name,
    `a line of at most ${MAX_TEXT} characters`,
    (text) => text.length <= MAX_TEXT && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) ? text : undefined,
  );
}
