import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { Camera } from "../../../lib/camera/camera.ts";
import { MutableCameraList } from "../../../lib/camera/camera_list.ts";
import { openRecordings } from "../../../lib/cli/recordings.ts";
import { systemClock as clock } from "../../../lib/clock.ts";
import { type Env, forCamera } from "../../../lib/env.ts";
import type { Jpeg } from "../../../lib/frame.ts";
import { RECORDING_SETTINGS } from "../../../lib/recording/settings.ts";
import { readSettings } from "../../../lib/setting.ts";
import { withFolder } from "../../clients/client.ts";
import { FakeSource } from "../../fake_source.ts";
import { eventually } from "../../server.ts";
import { FakeLog } from "../recording/recorder_fixture.ts";
import { segmentFiles } from "../../recording/recording_server.ts";
import { makeJpeg } from "../recording/segment_files.ts";

/** A camera whose frames a test pushes. */
function fakeCamera(name: string) {
  const source = new FakeSource<Jpeg>();
  const { open } = source;
  const events = { emit() {} };
  const camera = new Camera({ name, driver: "fake", open, idleTimeout: 0, clock, events });
  return { camera, source };
}

/** A list of discovered cameras, which is empty at first. */
class FakeCameras extends MutableCameraList {
  readonly configured = [];
  readonly emptyReason: string | undefined;
  keeps: (camera: Camera) => boolean = () => false;

  constructor(discovers: boolean) {
    super();
    if (discovers) this.emptyReason = "none is there";
  }

  keep(keeps: (camera: Camera) => boolean): void {
    this.keeps = keeps;
  }
}

/** Opens the recordings in a folder for a list of cameras. */
async function setUp(folder: string, env: Env = {}, discovers = true) {
  const log = new FakeLog();
  const cameras = new FakeCameras(discovers);
  const values = { ...env, RECORD_DIR: folder };
  const recording = await openRecordings(readSettings(RECORDING_SETTINGS, values), {
    cameras,
    settingsOf: ({ name }) => readSettings(RECORDING_SETTINGS, values, forCamera(values, name)),
    clock,
    log,
  });
  return { recording: recording!, cameras, log };
}

/** Number of open descriptors of this process, where Linux tells it. */
async function descriptors(): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  return (await Array.fromAsync(Deno.readDir("/proc/self/fd"))).length;
}

Deno.test("openRecordings() records cameras as they appear, and those that RECORD selects only", async () => {
  await withFolder(async (folder) => {
    const { recording, cameras } = await setUp(folder, {
      FRONT_RECORD: "off",
      YARD_RECORD_FPS: "1",
    });
    await using _recording = recording;
    assertStringIncludes(recording.summary, "Recording all cameras as they appear, in ");
    const [yard, shed, front] = ["yard", "shed", "front"].map(fakeCamera);
    cameras.set([yard!.camera, shed!.camera, front!.camera]);
    const states = () => ["yard", "shed", "front"].map((name) => recording.status(name).state);
    await eventually("both run", () => yard!.source.live + shed!.source.live === 2);
    assertEquals(states(), ["waiting", "waiting", "off"]);
    assertEquals(recording.library.progress, 1);
    assertEquals(cameras.all.map(cameras.keeps), [false, false, false]); // nothing is recorded yet
    for (let number = 1; number <= 3; number++) {
      yard!.source.push(makeJpeg({ number }));
      shed!.source.push(makeJpeg({ number }));
    }
    await eventually("frames are recorded", () => recording.status("shed").frames === 3);
    await eventually("a frame is recorded", () => recording.status("yard").frames === 1);
    assertEquals(states(), ["recording", "recording", "off"]);
    assertEquals(cameras.all.map(cameras.keeps), [true, true, false]);
    assertEquals(front!.source.opened, 0);

    cameras.set([shed!.camera, front!.camera]);
    await eventually("the camera stops", () => yard!.source.live === 0);
    assertEquals(states(), ["off", "recording", "off"]);
    assertEquals((await segmentFiles(`${folder}/yard`)).length, 1);
    // What has been recorded is there, and again when the camera returns.
    assert(recording.library.extent("yard").oldest !== undefined);
    assert(recording.library.cameras.includes("yard"));
    cameras.set([yard!.camera]);
    await eventually("the camera runs again", () => yard!.source.live === 1);
    await eventually("the other one stops", () => shed!.source.live === 0);
    yard!.source.push(makeJpeg({ number: 4 }));
    await eventually("it is recorded again", () => recording.status("yard").frames === 1);
    await recording[Symbol.asyncDispose]();
    assertEquals((await segmentFiles(`${folder}/yard`)).length, 2);
    assertEquals(yard!.source.live, 0);
  });
});

Deno.test("openRecordings() records a camera of RECORD that appears later, and no other", async () => {
  await withFolder(async (folder) => {
    const { recording, cameras } = await setUp(folder, { RECORD: "yard" });
    await using _recording = recording;
    assertStringIncludes(recording.summary, "Recording when they appear yard, in ");
    const [yard, shed] = ["yard", "shed"].map(fakeCamera);
    cameras.set([shed!.camera]);
    cameras.set([shed!.camera, yard!.camera]);
    await eventually("it runs", () => yard!.source.live === 1);
    yard!.source.push(makeJpeg({ number: 1 }));
    await eventually("it is recorded", () => recording.status("yard").frames === 1);
    assertEquals(cameras.all.map(cameras.keeps), [false, true]);
    assertEquals(shed!.source.opened, 0);
  });
});

Deno.test("openRecordings() names no future cameras where no driver discovers any", async () => {
  await withFolder(async (folder) => {
    const { recording, cameras } = await setUp(folder, {}, false);
    await using _recording = recording;
    assertStringIncludes(recording.summary, "Recording no camera in ");
    const { camera, source } = fakeCamera("yard");
    cameras.set([camera]);
    assertStringIncludes(recording.summary, "Recording yard in ");
    await eventually("it runs", () => source.live === 1);
    source.push(makeJpeg({ number: 1 }));
    await eventually("it is recorded", () => recording.status("yard").frames === 1);
  });
});

Deno.test("a camera that appears 100 times leaves no descriptor, no subscriber and no open segment", async () => {
  await withFolder(async (folder) => {
    const { recording, cameras, log } = await setUp(folder);
    await using _recording = recording;
    const { camera, source } = fakeCamera("yard");
    let before = 0;
    for (let n = 1; n <= 100; n++) {
      cameras.set([camera]);
      await eventually("it runs", () => source.live === 1);
      if (n % 10 === 0) {
        source.push(makeJpeg({ number: n }));
        await eventually("it is recorded", () => recording.status("yard").frames === 1);
      }
      cameras.set([]);
      await eventually("it stops", () => source.live === 0 && !cameras.keeps(camera));
      if (n === 10) before = await descriptors();
    }
    assertEquals([source.most, source.opened], [1, 100]);
    assertEquals(camera.stats().backgroundSubscribers, 0);
    assertEquals(await descriptors(), before);
    const segments = await recording.library.segments("yard", 0, Infinity);
    assertEquals([segments.length, segments.filter((one) => "index" in one).length], [10, 0]);
    assertEquals((await segmentFiles(`${folder}/yard`)).length, 10);
    assertEquals(log.lines.filter((line) => /warn|error/.test(line)), []);
  });
});

Deno.test("a camera that appears during shutdown is not recorded", async () => {
  await withFolder(async (folder) => {
    const { recording, cameras } = await setUp(folder);
    const [yard, shed] = ["yard", "shed"].map(fakeCamera);
    cameras.set([yard!.camera]);
    await eventually("it runs", () => yard!.source.live === 1);
    yard!.source.push(makeJpeg({ number: 1 }));
    await eventually("it is recorded", () => recording.status("yard").frames === 1);
    const disposed = recording[Symbol.asyncDispose]();
    cameras.set([yard!.camera, shed!.camera]);
    assertFalse(cameras.keeps(shed!.camera));
    await disposed;
    cameras.set([shed!.camera]);
    assertEquals([yard!.source.live, shed!.source.opened], [0, 0]);
    const [segment] = await segmentFiles(`${folder}/yard`);
    assert(segment);
  });
});
