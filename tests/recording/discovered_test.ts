import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { withFolder } from "../clients/client.ts";
import { eventually, Server } from "../server.ts";
import { readRecording, type RecordingState } from "./recording_server.ts";

const PICTURE = new URL("../../cameras/emulated/1.jpg", import.meta.url).pathname;
/** A driver that discovers the cameras in a file, one name on each line, and delivers pictures. */
const DRIVER = `
const FRAME = await Deno.readFile(${JSON.stringify(PICTURE)});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const names = async () => (await Deno.readTextFile(Deno.env.get("NAMES"))).split("\\n").filter(Boolean);
export default {
  configure: (env) => ({ source: env.SOURCE }),
  async *open({ source }, signal) {
    while (!signal.aborted) {
      if (!(await names()).includes(source)) throw new Error("the camera is gone");
      yield FRAME.slice();
      await sleep(40);
    }
  },
  async *discover(env, signal) {
    for (let before = ""; !signal.aborted; await sleep(20)) {
      const now = await names();
      if (now.join() !== before) yield now.map((name) => ({ name, source: name }));
      before = now.join();
    }
  },
};
`;

/** A camera in `GET /cameras`. */
interface Camera {
  readonly name: string;
  readonly state: string;
  readonly recording: RecordingState;
}

async function camerasOf(server: Server): Promise<Camera[]> {
  return await (await fetch(`${server.url}/cameras`)).json();
}

Deno.test("a server records cameras that appear, keeps them in its list, and plays them after a restart", async () => {
  await withFolder(async (folder) => {
    const [names, drivers, records] = [`${folder}/names`, `${folder}/drivers`, `${folder}/records`];
    await Deno.mkdir(drivers);
    await Deno.writeTextFile(`${drivers}/found.ts`, DRIVER);
    const appear = (...cameras: string[]) => Deno.writeTextFile(names, cameras.join("\n"));
    const env = {
      ...{ CAMERA: "found", CAMERAS_DIR: drivers, NAMES: names, RECORD_DIR: records },
      ...{ SHED_RECORD: "off", IDLE_SECONDS: "0" },
    };
    await appear();
    let recorded = 0;
    {
      await using server = await Server.start({ env });
      assertStringIncludes(server.output, "Recording all cameras as they appear, in ");
      assertEquals(await camerasOf(server), []);
      await appear("yard", "shed", "attic"); // at once
      await eventually("the cameras that are recorded are", async () => {
        const counts = (await camerasOf(server)).map(({ name, recording }) => [name, recording]);
        const [attic, , yard] = counts.map(([, recording]) => (recording as RecordingState).frames);
        return counts.length === 3 && attic! >= 5 && yard! >= 5;
      });
      assertEquals(
        (await camerasOf(server)).map(({ name, recording: { state } }) => [name, state]),
        [
          ["attic", "recording"],
          ["shed", "off"],
          ["yard", "recording"],
        ],
      );

      await appear("attic");
      await eventually(
        "the camera that is not recorded is gone",
        async () => (await camerasOf(server)).length === 2,
      );
      await eventually(
        "the other one has failed",
        async () => (await camerasOf(server))[1]!.state === "failed",
      );
      const { recording } = (await camerasOf(server))[1]!;
      const snapshot = await fetch(
        `${server.url}/cameras/yard/snapshot.jpg?at=${recording.newest! / 1000}`,
      );
      assertEquals([snapshot.status, (await snapshot.bytes()).length > 0], [200, true]);
      const timeline = await (await fetch(`${server.url}/cameras/yard/recordings`)).json();
      assertEquals(timeline.spans.length, 1);
      recorded = recording.frames;

      await appear("attic", "yard");
      await eventually(
        "it is recorded again",
        async () => (await camerasOf(server))[1]!.recording.frames > recorded,
        15_000,
      );
      await server.stop("SIGKILL");
    }
    const { frames } = await readRecording(records, "yard");
    assertLess(recorded, frames.length);

    await appear("new");
    await using server = await Server.start({ env });
    await eventually("another camera is there", async () => (await camerasOf(server)).length === 1);
    const missing = await fetch(`${server.url}/cameras/yard/recordings`);
    assertEquals([missing.status, await missing.text()], [
      404,
      'Cannot find camera "yard": available are new\n',
    ]);
    assertEquals((await readRecording(records, "yard")).frames.length, frames.length);
    await appear("new", "yard");
    await eventually("it is there again, with what was recorded", async () => {
      const yard = (await camerasOf(server)).find(({ name }) => name === "yard");
      return yard?.recording.oldest === frames[0]!.at && yard.recording.frames > 0;
    });
    // One appears while the server stops.
    const stopped = server.stop();
    await appear("new", "yard", "late");
    assertEquals((await stopped).code, 0);
    const { open } = await readRecording(records, "yard");
    assertEquals([open, (await readRecording(records, "late")).open], [[], []]);
  });
});

Deno.test("RECORD may name a camera that appears later only where a driver discovers cameras", async () => {
  await withFolder(async (folder) => {
    const [names, drivers] = [`${folder}/names`, `${folder}/drivers`];
    await Deno.mkdir(drivers);
    await Deno.writeTextFile(`${drivers}/found.ts`, DRIVER);
    await Deno.writeTextFile(names, "yard\nshed");
    const env = {
      CAMERAS_DIR: drivers,
      NAMES: names,
      RECORD_DIR: `${folder}/records`,
      RECORD: "yard",
    };
    await using server = await Server.start({ env: { ...env, CAMERA: "found,emulated" } });
    await eventually(
      "it is recorded",
      async () => (await camerasOf(server)).some(({ recording: { frames } }) => frames > 0),
    );
    const states = (await camerasOf(server)).map(({ name, recording }) => [name, recording.state]);
    assertEquals(states, [["shed", "off"], ["yard", "recording"], ["emulated", "off"]]);
    await server.stop();
    for (const CAMERA of ["emulated", "front=found"]) {
      const failure = await Server.start({ env: { ...env, CAMERA } }).then(() => "", String);
      assertStringIncludes(failure, 'Cannot record camera "yard" of RECORD: CAMERA names ');
    }
  });
});
