import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../lib/clock.ts";
import { openDriver } from "../../../lib/camera/open.ts";
import { driverFolders, DriverRegistry } from "../../../lib/camera/registry.ts";
import type { Frame } from "../../../lib/frame.ts";
import type { Subscriber } from "../../../lib/hub/hub.ts";
import { readSettings } from "../../../lib/setting.ts";
import { type CameraToHear, openSounds } from "../../../lib/sound/mod.ts";
import { SOUND_SETTINGS } from "../../../lib/sound/settings.ts";
import type { SoundPacket } from "../../../lib/sound_packet.ts";
import { ManualClock } from "../../manual_clock.ts";
import { needing } from "../../parts.ts";
import { leavingNoProcess } from "../../processes.ts";

const log = { info() {}, warn() {}, error() {} };

class Listener {
  readonly role = "viewer";
  readonly packets: SoundPacket[] = [];

  offer(packet: SoundPacket): void {
    this.packets.push(packet);
  }

  end(): void {}
}

/** A camera that counts its subscribers. */
class FakeCamera {
  readonly latest: Frame | undefined = undefined;
  readonly subscribers = new Set<Subscriber<Frame>>();

  constructor(readonly name: string, readonly captureDelay = 0) {}

  join(subscriber: Subscriber<Frame>): void {
    this.subscribers.add(subscriber);
  }

  leave(subscriber: Subscriber<Frame>): void {
    this.subscribers.delete(subscriber);
  }
}

function hear(camera: FakeCamera, env: Record<string, string>, idleTimeout = 1_000): CameraToHear {
  return { camera, settings: readSettings(SOUND_SETTINGS, env), idleTimeout };
}

Deno.test("openSounds() gives a camera without AUDIO no sound", async () => {
  const cameras = [
    hear(new FakeCamera("silent"), {}),
    hear(new FakeCamera("off"), { AUDIO: "off" }),
    hear(new FakeCamera("loud"), { AUDIO: "test", AUDIO_RATE: "48000" }),
  ];
  await using sounds = openSounds({ cameras, clock: systemClock, log });
  for (const name of ["silent", "off", "unknown"]) {
    assertEquals([sounds.of(name), sounds.status(name)], [undefined, undefined]);
  }
  assertEquals(sounds.of("loud")!.rate, 48_000);
  assertEquals(sounds.status("loud"), {
    state: "off",
    listeners: 0,
    rate: 48_000,
    error: undefined,
    lastFailure: undefined,
    packets: 0,
    failures: 0,
  });
});

Deno.test("AUDIO=test has a sound for each camera, and runs only that camera", async () => {
  const clock = new ManualClock();
  const [front, back] = [new FakeCamera("front"), new FakeCamera("back")];
  const cameras = [hear(front, { AUDIO: "test" }), hear(back, { AUDIO: "test" })];
  await using sounds = openSounds({ cameras, clock, log });
  const listener = new Listener();
  sounds.of("front")!.join(listener);
  await clock.advance(1_000);
  assertEquals([front.subscribers.size, back.subscribers.size], [1, 0]);
  assert(listener.packets.length > 30);
  assertEquals(sounds.status("back")!.state, "off");
  sounds.of("front")!.leave(listener);
  await clock.advance(1_000);
  assertEquals([front.subscribers.size, sounds.status("front")!.state], [0, "off"]);
});

Deno.test("a microphone stops after its last listener even if its camera always runs", async () => {
  const clock = new ManualClock();
  const camera = new FakeCamera("front");
  await using sounds = openSounds({
    cameras: [hear(camera, { AUDIO: "test" }, Infinity)],
    clock,
    log,
  });
  await clock.advance(1_000);
  assertEquals(sounds.status("front")!.state, "off");
  const listener = new Listener();
  sounds.of("front")!.join(listener);
  await clock.advance(1_000);
  sounds.of("front")!.leave(listener);
  await clock.advance(9_999);
  assertEquals(sounds.status("front")!.state, "streaming");
  await clock.advance(1);
  assertEquals(sounds.status("front")!.state, "off");
});

const PROGRAM = "exec:sh -c 'while :; do head -c 960 /dev/zero; sleep 0.02; done'";

Deno.test(
  "cameras with the same microphone share its capture, each with its own delay",
  needing("sh"),
  async () => {
    await leavingNoProcess(async () => {
      const cameras = [
        hear(new FakeCamera("pi", 80), { AUDIO: PROGRAM }),
        hear(new FakeCamera("set", 80), { AUDIO: PROGRAM, AUDIO_DELAY: "-30" }),
        hear(new FakeCamera("other"), { AUDIO: PROGRAM }),
      ];
      await using sounds = openSounds({ cameras, clock: systemClock, log });
      const listeners = cameras.map(({ camera }) => {
        const listener = new Listener();
        sounds.of(camera.name)!.join(listener);
        return listener;
      });
      await sounds.of("pi")!.ready();
      await systemClock.sleep(100);
      const [pi, set, other] = listeners.map(({ packets }) => packets);
      assert(pi!.length > 0);
      for (const [i, { sequence, heardAt, samples }] of pi!.entries()) {
        assertEquals([set![i]!.sequence, other![i]!.sequence], [sequence, sequence]);
        assert(set![i]!.samples === samples);
        const near = (actual: number, wanted: number) => Math.abs(actual - wanted) < 5;
        assert(near(heardAt - other![i]!.heardAt, 80), `${heardAt - other![i]!.heardAt}`);
        assert(near(set![i]!.heardAt - other![i]!.heardAt, -30));
      }
      assertEquals(sounds.status("other")!.listeners, 1);
    });
  },
);

Deno.test("openDriver() has the delays of the drivers, and ignores one that is no number", async () => {
  const drivers = DriverRegistry.open(driverFolders(undefined, false));
  const delayOf = async (driver: string) =>
    (await openDriver({ driver, env: {} }, drivers)).captureDelay;
  assertEquals([await delayOf("pi"), await delayOf("usb"), await delayOf("emulated")], [80, 50, 0]);
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/odd.ts`;
    await Deno.writeTextFile(
      file,
      "export default { captureDelay: 'x', configure: () => ({}), async *open() {} };",
    );
    const own = DriverRegistry.open(driverFolders(folder, false));
    assertEquals((await openDriver({ driver: "odd", env: {} }, own)).captureDelay, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
