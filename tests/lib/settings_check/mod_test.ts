import { assertEquals, assertStringIncludes } from "@std/assert";
import { SETTINGS } from "../../../lib/cli/settings.ts";
import type { Env } from "../../../lib/env.ts";
import { type CheckedCamera, checkSettings } from "../../../lib/settings_check/mod.ts";
import { ENVIRONMENTS } from "./environments.ts";

const PI: CheckedCamera = {
  name: "pi",
  driver: "pi",
  reads: new Set(["SOURCE", "WIDTH", "HEIGHT", "FPS", "QUALITY"]),
};
const FRONT: CheckedCamera = { name: "front", driver: "mjpeg", reads: new Set(["SOURCE", "FPS"]) };
const MINE: CheckedCamera = { name: "mine", driver: "mine", reads: undefined };

/** The warnings, as lines. */
function check(env: Env, cameras: readonly CheckedCamera[] = [PI], dotenv?: string): string[] {
  const options = { settings: SETTINGS, cameras, dotenv, dotenvCommand: "deno task start:env" };
  return checkSettings({ env, ...options }).map(({ text, advice }) => `${text}; ${advice}`);
}

for (const [name, variables] of Object.entries(ENVIRONMENTS)) {
  Deno.test(`checkSettings() finds nothing wrong in the environment of ${name}`, () => {
    const env = Object.fromEntries(variables.split(/\s+/).map((variable) => [variable, "1"]));
    assertEquals(check(env, [PI, FRONT, MINE]), []);
  });
}

Deno.test("checkSettings() finds nothing wrong in the environment of the tests", () => {
  assertEquals(check({ ...Deno.env.toObject(), CAMERA: "pi" }), []);
});

Deno.test("checkSettings() finds misspelled settings", () => {
  const misspellings = {
    CAMERA: "CAMREA CAMARA CAMERAS KAMERA CMAERA CAMER CAMERRA camera Camera DINOCAM_CAMERA",
    SOURCE: "SORUCE SOUCE SOURCES SOURC SUORCE source",
    WIDTH: "WIDHT WITDH WIDT WIDTHS RESOLUTION CAMERA_WIDTH",
    HEIGHT: "HIEGHT HEIGTH HEIGH HIGHT HEIGHTS",
    FPS: "FSP PFS FPSS FPPS fps FRAMERATE FRAME_RATE DINOCAM_FPS CAMERA_FPS",
    QUALITY: "QUALTIY QUALTY QUALITTY QALITY QUALIY",
    ROTATE: "ROATTE ROTAE ROTTATE ROTATION ROTATES",
    IDLE_SECONDS:
      "IDLE_SECOND IDEL_SECONDS IDLE_SECS IDLESECONDS IDLE_SECODNS IDLE_TIMEOUT IDLE_SEC",
    HOST: "BIND HOSTS HSOT HOTS HOSY HOSST",
    PORT: "HTTP_PORT PROT PORTS PRT PORR POTR",
    AUTH: "AUHT ATUH AUTHS AUT AUTHH auth AUTH_USER AUTH_PASSWORD BASIC_AUTH",
    TLS_CERT: "TLS_CERTS TLS_CRET TLSCERT TLS_CRT TLS_CERTIFICATE",
    TLS_KEY: "TLS_KEYS TSL_KEY TLSKEY",
    MAX_VIEWERS: "MAX_VIEWER MAXVIEWERS MAX_VEIWERS MAX_VIEVERS",
    ALLOW_ORIGIN: "ALLOW_ORIGINS ALOW_ORIGIN ALLOWED_ORIGIN ALLOWED_ORIGINS ALLOWORIGIN",
    LOG: "LGO LOGG LOGS",
    SEND_QUEUE: "SEND_QUE SENDQUEUE SEND_QUEU SEND_QEUE",
    RECORD_DIR: "RECORDDIR RECORDS_DIR RECRD_DIR RECORD_DIRS RECORDING_DIR RECORD_PATH",
    RECORD_MAX: "RECORDMAX RECORD_MAXX RECORD_SIZE RECORD_MAX_SIZE",
    RECORD_FPS: "RECORD_FSP RECORDFPS RECORDING_FPS",
    RETENTION: "RETENTON RETENTIONS RETANTION RECORD_RETENTION",
    CAMERAS_DIR: "CAMERA_DIR CAMERAS_DIRS CAMERADIR CAMERAS-DIR",
  };
  const wrong = Object.entries(misspellings).flatMap(([meant, variables]) =>
    variables.split(" ").filter((variable) =>
      !check({ [variable]: "1" })[0]?.endsWith(`; did you mean ${meant}?`)
    )
  );
  assertEquals(wrong, []);
  assertEquals(check({ CAMREA: "1" }), ["CAMREA is not a setting; did you mean CAMERA?"]);
  assertEquals(check({ camera: "1" }), [
    "camera is not read: settings are in capitals; did you mean CAMERA?",
  ]);
});

Deno.test("checkSettings() finds a camera's name behind a setting, or without a separator", () => {
  for (const variable of ["FPS_FRONT", "FRONTFPS", "fps_front"]) {
    assertEquals(check({ [variable]: "5" }, [FRONT]), [
      `${variable} is not a setting; did you mean FRONT_FPS?`,
    ]);
  }
});

Deno.test("checkSettings() finds misspelled settings that only a driver knows", () => {
  const camera = { name: "opencv", driver: "opencv", reads: new Set(["PYTHON", "SOURCE"]) };
  const warnings = check({ PYTHON: "a", PYHTON: "a" }, [camera]);
  assertEquals(warnings, ["PYHTON is not a setting; did you mean PYTHON?"]);
  assertEquals(check({ PYHTON: "a" }), []);
});

Deno.test("checkSettings() ignores empty variables, and those of a Kubernetes service", () => {
  assertEquals(
    check({ CAMREA: " ", DINOCAM_PORT: "tcp://10.0.0.1:8000", CAMERA_PORT: "tcp://a:1" }),
    [],
  );
});

Deno.test("checkSettings() finds settings of a camera that does not exist", () => {
  const cameras = [PI, FRONT];
  assertEquals(check({ BACK_FPS: "5", FRONT_FPS: "5", PI_WIDTH: "640" }, cameras), [
    'BACK_FPS is not read: CAMERA names no camera "back"; ' +
    "for all cameras set FPS; to name a camera set CAMERA=back=DRIVER",
  ]);
  assertEquals(check({ FORNT_SOURCE: "x", FRONT_DOOR_IDLE_SECONDS: "1" }, cameras), [
    'FORNT_SOURCE is not read: CAMERA names no camera "fornt"; did you mean FRONT_SOURCE?',
    'FRONT_DOOR_IDLE_SECONDS is not read: CAMERA names no camera "front-door"; ' +
    "for all cameras set IDLE_SECONDS; to name a camera set CAMERA=front-door=DRIVER",
  ]);
  assertEquals(check({ FORNT_SMALL_SOURCE: "x" }, cameras), [
    'FORNT_SMALL_SOURCE is not read: CAMERA names no camera "fornt"; ' +
    "did you mean FRONT_SMALL_SOURCE?",
  ]);
});

Deno.test("checkSettings() finds misspelled settings of one camera", () => {
  assertEquals(
    check({ FRONT_FSP: "5", front_fps: "5", "FRONT-SOURCE": "x", FRONT_AUTH: "x" }, [FRONT]),
    [
      "FRONT_FSP is not a setting; did you mean FRONT_FPS?",
      "front_fps is not read: settings are in capitals; did you mean FRONT_FPS?",
      "FRONT-SOURCE is not read: settings are in capitals; did you mean FRONT_SOURCE?",
      "FRONT_AUTH is not read: AUTH cannot be set per camera; set AUTH",
    ],
  );
});

Deno.test("checkSettings() leaves a driver its own settings", () => {
  const mine = { ...MINE, reads: new Set(["DEVICE", "FPS", "PORT"]) };
  assertEquals(
    check({ MINE_DEVICE: "x", MINE_GAIN: "2", DEVICE: "y", MINE_PORT: "1" }, [mine]),
    [],
  );
  assertEquals(check({ MINE_DEVCE: "x" }, [mine]), [
    "MINE_DEVCE is not a setting; did you mean MINE_DEVICE?",
  ]);
});

Deno.test("checkSettings() finds settings that no driver reads", () => {
  assertEquals(check({ CAMERA: "front=mjpeg", QUALITY: "90", FPS: "5", WIDTH: "640" }, [FRONT]), [
    "QUALITY has no effect: driver mjpeg does not read QUALITY; remove QUALITY",
    "WIDTH has no effect: driver mjpeg does not read WIDTH; remove WIDTH",
  ]);
  assertEquals(check({ CAMERA: "front=mjpeg", ROTATE: "90", IDLE_SECONDS: "5" }, [FRONT]), []);
  assertEquals(check({ CAMERA: "pi,front=mjpeg", QUALITY: "90" }, [PI, FRONT]), []);
  assertEquals(check({ CAMERA: "pi,front=mjpeg", FRONT_QUALITY: "90" }, [PI, FRONT]), [
    "FRONT_QUALITY has no effect: driver mjpeg does not read QUALITY; remove FRONT_QUALITY",
  ]);
  assertEquals(check({ CAMERA: "pi,front=mjpeg", PI_QUALITY: "0", QUALITY: "90" }, [PI, FRONT]), [
    "QUALITY has no effect: driver mjpeg does not read QUALITY; remove QUALITY",
  ]);
  assertEquals(check({ CAMERA: "mine", QUALITY: "90", SOURCE: "x" }, [MINE]), []);
});

Deno.test("checkSettings() suggests a driver for SOURCE without CAMERA", () => {
  const emulated = { name: "emulated", driver: "emulated", reads: new Set(["FPS"]) };
  for (
    const [SOURCE, camera] of [
      ["http://camera/video", "mjpeg"],
      ["/dev/video0", "usb"],
      ["ffmpeg -i x -f mjpeg -", "exec"],
      ["rtsp://camera/live", "opencv"],
    ] as const
  ) {
    assertEquals(check({ SOURCE }, [emulated]), [
      "SOURCE has no effect: driver emulated does not read SOURCE; " +
      `set CAMERA too, such as CAMERA=${camera}`,
    ]);
  }
});

Deno.test("checkSettings() finds quotation marks that belong to a value, and shows no value", () => {
  for (const AUTH of ['"me:secret"', "'me:secret'", 'me:"secret"']) {
    const [line, ...others] = check({ AUTH });
    assertEquals(others, []);
    assertStringIncludes(line!, "The value of AUTH contains quotation marks at its ends");
    assertEquals(line!.includes("secret"), false);
  }
  assertEquals(check({ SOURCE: '"0"' }).length, 1);
  assertEquals(check({ AUTH: 'me:a"b"c', SOURCE: 'x "y z"' }), []);
});

Deno.test("checkSettings() reports a .env file with settings that are not set", () => {
  const dotenv =
    "# CAMERA=usb\r\nCAMERA=pi\r\n export AUTH=me:secret\nPATH=/bin\nPORT = 80\nFPS=5\nFRONT_FPS=1";
  assertEquals(check({ PORT: "80" }, [FRONT], dotenv), [
    "The file .env is not read; it sets CAMERA, AUTH, FPS, FRONT_FPS; " +
    "to use it, type deno task start:env",
  ]);
  assertEquals(check({}, [PI], "PATH=/bin\nCAMERA_MODEL=3\n"), []);
});

Deno.test("checkSettings() prints no control characters, and no endless name", () => {
  assertEquals(check({ "CAM\x1bREA": "1", [`${"X".repeat(5_000)}_FPS`]: "1" }), []);
});

Deno.test("checkSettings() finds settings without an effect, as the one that they need is missing", () => {
  const env = { CAMERA: "pi", RETENTION: "7d", PI_RECORD: "off", RECORD_DIR: "" };
  assertEquals(check(env), [
    "RETENTION has no effect without RECORD_DIR; set RECORD_DIR too, or remove RETENTION",
    "PI_RECORD has no effect without RECORD_DIR; set RECORD_DIR too, or remove PI_RECORD",
  ]);
  assertEquals(check({ ...env, RECORD_DIR: "/srv/recordings" }), []);
});

Deno.test("checkSettings() expects settings of cameras that a driver discovers, except SOURCE and AUDIO", () => {
  const group = { name: "net", driver: "net", isGroup: true, reads: new Set(["FPS"]) };
  const env = { CAMERA: "net", FPS: "5", WIDTH: "640", FRONT_FPS: "5", YARD_IDLE_SECONDS: "0" };
  assertEquals(check(env, [group]), [
    "WIDTH has no effect: driver net does not read WIDTH; remove WIDTH",
  ]);
  const named = (name: string) =>
    `FRONT_${name} is not read: CAMERA names no camera "front"; ` +
    `for all cameras set ${name}; to name a camera set CAMERA=front=DRIVER`;
  const sources = { CAMERA: "net", FRONT_SOURCE: "1", FRONT_AUDIO: "test" };
  assertEquals(check(sources, [group]), [named("SOURCE"), named("AUDIO")]);
  const sound = { CAMERA: "net", AUDIO: "test", AUDIO_RATE: "8000" };
  const without = (name: string) =>
    `${name} has no effect on cameras that driver net discovers; ` +
    "to name a camera set CAMERA=front=net";
  assertEquals(check(sound, [group]), [without("AUDIO"), without("AUDIO_RATE")]);
  assertEquals(check(sound, [group, FRONT]), []);
});
