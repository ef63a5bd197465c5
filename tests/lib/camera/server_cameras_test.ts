import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import { followCameras } from "../../../lib/camera/camera_list.ts";
import type { DiscoveredCamera } from "../../../lib/camera/driver.ts";
import { logCameraEvents } from "../../../lib/camera/event_log.ts";
import type { CameraEvent } from "../../../lib/camera/events.ts";
import { type GroupOptions, ServerCameras } from "../../../lib/camera/server_cameras.ts";
import { CameraError, ConfigError } from "../../../lib/errors.ts";
import { Events } from "../../../lib/events.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { createLog } from "../../../lib/log.ts";
import { FakeSource } from "../../fake_source.ts";
import { ManualClock, settle } from "../../manual_clock.ts";

type List = readonly DiscoveredCamera[];

/** Creates the cameras of a server with some configured cameras and drivers that discover others. */
function setUp({ configured = [], positions = [0] }: {
  configured?: string[];
  /** Position of each driver in `CAMERA`. */
  positions?: number[];
} = {}) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const events = new Events<CameraEvent>();
  const log = createLog({ clock, write: (line) => lines.push(line.slice(25)) });
  const logging = logCameraEvents(events, { clock, log });
  /** All cameras that were created, also those that are closed. */
  const created: Camera[] = [];
  const create = (name: string, driver: string) => {
    const { open } = new FakeSource<Jpeg>();
    const camera = new Camera({ name, driver, open, idleTimeout: 0, clock, events });
    created.push(camera);
    return camera;
  };
  const cameras = new ServerCameras(configured.map((name) => create(name, "pi")), {
    clock,
    events,
    log,
  });
  const sources = positions.map((position, i) => {
    const source = new FakeSource<List>();
    cameras.discover(
      groupOptions(`finder${i}`, position, source.open, (name) => create(name, `finder${i}`)),
    );
    return source;
  });
  const names = () => cameras.all.map(({ name }) => name).join(" ");
  /** Reports what a driver has discovered: `name` or `name=source`. */
  const discover = async (text: string, driver = 0) => {
    const list = text.split(" ").filter(Boolean).map((one) => one.split("="))
      .map(([name, source = name]) => ({ name: name!, source: source! }));
    await ready();
    sources[driver]!.push(list);
    await ready();
    await ready();
  };
  /** Lets the drivers run. */
  const ready = async () => {
    for (let turn = 0; turn < 4; turn++) await settle();
  };
  const close = async () => {
    await cameras.close();
    logging[Symbol.dispose]();
  };
  return { clock, lines, events, log, cameras, sources, created, names, discover, ready, close };
}

function groupOptions(
  driver: string,
  position: number,
  discover: GroupOptions["discover"],
  create: (name: string) => Camera,
): GroupOptions {
  return {
    driver,
    position,
    discover,
    redact: (text) => text.replaceAll("secret", "…"),
    emptyReason: () => `CAMERA=${driver} finds none`,
    create: ({ name, source }) => {
      if (source === "invalid") throw new ConfigError("Cannot read FPS as a number");
      return create(name);
    },
  };
}

Deno.test("ServerCameras lists the cameras in the order of CAMERA, discovered ones by name", async () => {
  const { cameras, names, discover, close } = setUp({
    configured: ["front", "back"],
    positions: [0, 1, 1, 2],
  });
  cameras.start();
  assertEquals(names(), "front back");
  await discover("z0 a0", 0);
  await discover("z1 a1", 1);
  await discover("a2", 2);
  await discover("a3", 3);
  assertEquals(names(), "a0 z0 front a1 z1 a2 back a3");
  await discover("b1", 1);
  assertEquals(names(), "a0 z0 front b1 a2 back a3");
  await close();
});

Deno.test("ServerCameras reports cameras that appear and disappear to followers and in the log", async () => {
  const { cameras, lines, discover, close } = setUp({ configured: ["front"] });
  const changes: string[] = [];
  const following = followCameras(cameras, {
    added: ({ name }) => changes.push(`+${name}`),
    removed: ({ name }) => changes.push(`-${name}`),
  });
  cameras.start();
  await discover("yard shed");
  await discover("yard shed");
  await discover("shed door");
  assertEquals(changes.join(" "), "+front +shed +yard -yard +door");
  following[Symbol.dispose]();
  await discover("");
  assertEquals(changes.length, 5);
  assertEquals(lines, [
    "info camera appeared camera=shed driver=finder0",
    "info camera appeared camera=yard driver=finder0",
    "info camera disappeared camera=yard driver=finder0",
    "info camera appeared camera=door driver=finder0",
    "info camera disappeared camera=shed driver=finder0",
    "info camera disappeared camera=door driver=finder0",
  ]);
  await close();
});

Deno.test("ServerCameras closes a camera without viewers, and creates another one when it returns", async () => {
  const { cameras, discover, created, close } = setUp();
  cameras.start();
  await discover("yard");
  const [yard] = created;
  await discover("");
  const error = await assertRejects(() => yard!.ready(), CameraError);
  assertEquals(error.message, 'Camera "yard" has disappeared');
  await discover("yard");
  assertEquals([created.length, cameras.all[0] === created[1]], [2, true]);
  await close();
});

Deno.test("ServerCameras keeps a camera with viewers outside the list, and lists it again when it returns", async () => {
  const { cameras, clock, names, discover, created, close } = setUp();
  cameras.start();
  await discover("yard");
  const viewer = created[0]!.subscribe({ role: "viewer" });
  const next = viewer.next();
  await discover("");
  assertEquals(names(), "");
  await clock.advance(60_000);
  await discover("yard");
  assertStrictEquals(cameras.all[0], created[0]);
  await discover("");
  await viewer.return();
  assertEquals((await next).done, true);
  await assertIsOpen(created[0]!);
  await clock.advance(5_000);
  await assertRejects(() => created[0]!.ready(), CameraError, "has disappeared");
  await close();
});

/** Checks that a camera is not closed: a closed camera ends its subscribers at once. */
async function assertIsOpen(camera: Camera): Promise<void> {
  const subscription = camera.subscribe({ role: "background", keepsRunning: false });
  let ended = false;
  const next = subscription.next().then(() => ended = true);
  await settle();
  assert(!ended);
  await subscription.return();
  await next;
}

Deno.test("ServerCameras replaces a camera whose source has changed", async () => {
  const { cameras, discover, created, close } = setUp();
  cameras.start();
  await discover("yard=1");
  const viewer = created[0]!.subscribe({ role: "viewer" });
  const next = viewer.next();
  await discover("yard=2");
  assertEquals((await next).done, true);
  assertEquals([created.length, cameras.all[0] === created[1]], [2, true]);
  await close();
});

Deno.test("ServerCameras keeps the cameras that it shall keep in the list", async () => {
  const { cameras, clock, names, discover, created, close } = setUp();
  let isRecorded = true;
  cameras.keep(({ name }) => name === "yard" && isRecorded);
  cameras.start();
  await discover("shed yard");
  await discover("");
  assertEquals(names(), "yard");
  await discover("yard");
  assertStrictEquals(cameras.all[0], created[1]);
  await discover("");
  isRecorded = false;
  await clock.advance(5_000);
  assertEquals(names(), "");
  await close();
});

Deno.test("ServerCameras ignores cameras with a taken or invalid name or an invalid setting, and logs each once", async () => {
  const { cameras, lines, names, discover, close } = setUp({
    configured: ["front"],
    positions: [1, 1],
  });
  cameras.start();
  const long = "x".repeat(65);
  await discover(`FRONT yard YARD a_b ${long} odd=invalid`, 0);
  await discover("yard shed", 1);
  await discover(`FRONT yard YARD a_b ${long} odd=invalid`, 0);
  assertEquals(names(), "front YARD shed");
  const name = 'reason="another camera has its name"';
  const characters = 'reason="its name is not 1 to 64 letters, digits and hyphens"';
  assertEquals(lines.filter((line) => /ignored/.test(line)), [
    `warn camera ignored camera=FRONT driver=finder0 ${name}`,
    `warn camera ignored camera=a_b driver=finder0 ${characters}`,
    'warn camera ignored camera=odd driver=finder0 reason="Cannot read FPS as a number"',
    `warn camera ignored camera=${long} driver=finder0 ${characters}`,
    `warn camera ignored camera=yard driver=finder0 ${name}`,
    `warn camera ignored camera=yard driver=finder1 ${name}`,
  ]);
  await discover("", 0); // the name is free for the other driver's camera
  assertEquals(names(), "front shed yard");
  await close();
});

Deno.test("ServerCameras lists at most 256 cameras of a driver, and logs at most 100 lines about it", async () => {
  const { cameras, lines, created, discover, close } = setUp();
  cameras.start();
  const all = Array.from({ length: 1_000 }, (_, i) => `camera-${i}`);
  await discover(all.join(" "));
  assertEquals([cameras.all.length, created.length], [256, 256]);
  for (let turn = 0; turn < 20; turn++) {
    await discover(all.slice(turn).map((name) => `${name}-${turn}`).join(" "));
  }
  assertEquals(cameras.all.length, 256);
  assert(lines.length <= 100 + 20 + 2, `${lines.length} lines`);
  await close();
});

Deno.test("ServerCameras keeps the cameras while their driver fails, and logs the failure once", async () => {
  const { cameras, clock, sources: [source], lines, names, discover, ready, close } = setUp();
  cameras.start();
  assertEquals(cameras.emptyReason, "CAMERA=finder0 finds none");
  await discover("yard");
  lines.length = 0;
  for (let failure = 0; failure < 3; failure++) {
    source!.fail(new CameraError("No answer", { permanent: true, hint: "look" }));
    await ready();
    assertEquals([names(), cameras.emptyReason], ["yard", "No answer"]);
    await clock.advance(10_000);
    await ready();
  }
  source!.fail(new Error("secret\nkey"));
  await ready();
  await clock.advance(10_000);
  await discover("shed");
  assertEquals([names(), cameras.emptyReason], ["shed", "CAMERA=finder0 finds none"]);
  assertEquals(lines.map((line) => line.replace(/ \(\/.*\)/, "")).slice(0, 3), [
    'warn discovery failed driver=finder0 reason="No answer" hint=look',
    'warn discovery failed driver=finder0 reason="The driver \\"finder0\\" cannot discover ' +
    'cameras: Error: …"',
    "info discovery recovered driver=finder0",
  ]);
  await close();
});

for (
  const [fault, discover, reason] of [
    ["ends", async function* () {}, "discover() ended before its signal aborted"],
    [
      "is no generator",
      () => Promise.reject(1),
      "discover() must be `async *discover(env, signal)`",
    ],
    ["yields no list", async function* () {
      yield "front";
    }, "discover() yielded something else than a list"],
    ["yields cameras without names", async function* () {
      yield [{ source: "1" }];
    }, "discover() yielded a camera without a name and a source"],
  ] as [string, GroupOptions["discover"], string][]
) {
  Deno.test(`ServerCameras reports a driver whose discover() ${fault}`, async () => {
    const { cameras, lines, ready, close } = setUp({ configured: ["front"], positions: [] });
    cameras.discover(groupOptions("odd", 1, discover, () => {
      throw new Error("not called");
    }));
    cameras.start();
    await ready();
    assertEquals(lines, [
      `warn discovery failed driver=odd reason=${
        JSON.stringify(`The driver "odd" has a bug: ${reason}`)
      }`,
    ]);
    await close();
  });
}

Deno.test("ServerCameras.start() throws a ConfigError that the driver's call throws", async () => {
  const { cameras, close } = setUp({ positions: [] });
  cameras.discover(groupOptions("nats", 0, () => {
    throw new ConfigError("Cannot use CAMERA=nats without NATS_URL");
  }, () => {
    throw new Error("not called");
  }));
  assertThrows(() => cameras.start(), ConfigError, "without NATS_URL");
  await close();
});

Deno.test("ServerCameras.close() closes all cameras, and none appears afterwards", async () => {
  const { cameras, created, discover, ready, close } = setUp({
    configured: ["front"],
    positions: [1, 1],
  });
  let yieldList!: (list: List) => void;
  // A driver that ignores its signal.
  cameras.discover(groupOptions("deaf", 1, async function* () {
    yield await new Promise<List>((resolve) => yieldList = resolve);
  }, () => {
    throw new Error("not called");
  }));
  cameras.start();
  await discover("yard");
  await discover("shed", 1);
  const viewer = created[1]!.subscribe({ role: "viewer" });
  const next = viewer.next();
  await discover(""); // the camera with a viewer is outside the list
  const closed = close();
  await ready();
  yieldList([{ name: "late", source: "late" }]);
  await closed;
  assertEquals((await next).done, true);
  for (const camera of created) await assertRejects(() => camera.ready(), CameraError);
  assertEquals(cameras.all.map(({ name }) => name), ["front", "shed"]);
});
