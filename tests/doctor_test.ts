import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { leftOut, needing, PYTHON } from "./parts.ts";
import { PULSE_AUDIO, PulseAudio } from "./pulse_audio.ts";
import { makeCertificate } from "./certificate.ts";
import { FAKES, ROOT, Server } from "./server.ts";

const FAKE_CAMERA = { CAMERA: "pi", PATH: `${FAKES}:${Deno.env.get("PATH")}` };

Deno.test("the doctor finds no problem if the configured cameras deliver pictures", async () => {
  const { code, lines } = await main(["doctor"], { CAMERA: "one=emulated,two=emulated" });
  assertEquals([code, lines.at(-1)], [0, "No problems found"]);
  assert(lines.some((line) => /^ok +Deno \d+\.\d+\.\d+ on /.test(line)));
  for (const name of ["one", "two"]) {
    const expected = new RegExp(
      `^ok +Camera ${name} \\(emulated\\) delivers pictures: 640x480, the first`,
    );
    assert(lines.some((line) => expected.test(line)), name);
  }
  // A program that only unused cameras need is not a problem.
  assert(!lines.some((line) => line.startsWith("problem")));
});

Deno.test(
  "the doctor reports a Pi's cameras and their first picture",
  needing(PYTHON),
  async () => {
    const { code, text } = await main(["doctor"], { ...FAKE_CAMERA, WIDTH: "640", HEIGHT: "480" });
    assertEquals(code, 0, text);
    assertMatch(text, /^ok +rpicam-vid 1\.13\.0 \(for CAMERA=pi\)$/m);
    assertMatch(text, /^ok +Found imx708_wide \(4608x2592\): CAMERA=pi SOURCE=0$/m);
    assertMatch(text, /^ok +Camera pi delivers pictures: 640x480, the first after \d\.\d s$/m);
  },
);

Deno.test("the doctor reports problems with advice", needing(PYTHON), async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, text, lines } = await main(["doctor"], {
    ...FAKE_CAMERA,
    CAMERA: "pi,front=exec",
    FRONT_SOURCE: "no-such-program",
    FAKE_CAMERA_MODE: "busy",
    PORT: `${taken.addr.port}`,
  });
  assertEquals([code, lines.at(-1)], [1, "Problems: 3"]);
  assertMatch(text, /^problem +Port \d+ is in use by another program\n +→ .*choose another PORT$/m);
  assertMatch(
    text,
    /^problem +Camera pi: .*failed to acquire camera.*\n +→ another program is using the camera: `fuser/m,
  );
  assertMatch(
    text,
    /^problem +Camera front \(exec\): Cannot find no-such-program.*\n +→ /m,
  );
});

for (
  const [name, env] of [
    ["", {}],
    [" with AUTH on all addresses", { HOST: "0.0.0.0", AUTH: "me:secret" }],
    [" whose camera fails", { CAMERA: "exec", SOURCE: "no-such-program" }],
  ] as const
) {
  Deno.test(`the doctor recognizes a running dinocam${name}`, async () => {
    await using server = await Server.start({ env });
    const PORT = /Watch at .*:(\d+)\/$/m.exec(server.output)![1]!;
    const snapshot = await fetch(`http://127.0.0.1:${PORT}/snapshot.jpg`);
    await snapshot.bytes();
    const { code, text } = await main(["doctor"], { ...env, CAMERA: "emulated", PORT });
    assertEquals(code, 0, text);
    assertMatch(
      text,
      new RegExp(
        `^note +dinocam is already running on port ${PORT}\n +→ .*choose another PORT$`,
        "m",
      ),
    );
  });
}

Deno.test(
  "the doctor recognizes a running dinocam that serves HTTPS",
  needing("openssl"),
  async () => {
    await using certificate = await makeCertificate();
    const env = { TLS_CERT: certificate.cert, TLS_KEY: certificate.key };
    await using server = await Server.start({ env });
    const { text } = await main(["doctor"], { PORT: /\d+$/.exec(server.url)![0] });
    assertMatch(text, /^note +dinocam is already running on port \d+$/m);
  },
);

Deno.test("the doctor does not take another server for dinocam", async () => {
  const headers = { Server: "nginx" };
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("Server: dinocam\r\n", { headers }),
  );
  const { code, text } = await main(["doctor"], { PORT: `${other.addr.port}` });
  assertEquals(code, 1);
  assertMatch(text, /^problem +Port \d+ is in use by another program$/m);
});

Deno.test("the doctor does not take a driver's other images for pictures", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const png = "new TextEncoder().encode('\\x89PNG')";
    await Deno.writeTextFile(
      `${folder}/other.ts`,
      `export default { configure: () => ({}), async *open() { yield ${png}; yield ${png}; } };`,
    );
    const { code, text } = await main(["doctor"], { CAMERA: "other", CAMERAS_DIR: folder });
    assertEquals(code, 1, text);
    assertMatch(text, /^problem +Camera other delivers no picture: 2 broken images arrived: /m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the doctor waits for a slow camera as long as its FPS says", needing("sh"), async () => {
  const { code, text } = await main(["doctor"], {
    CAMERA: "slow=exec,silent=exec",
    SLOW_SOURCE: "sh -c 'sleep 16; cat cameras/emulated/1.jpg'",
    SLOW_FPS: "0.4",
    SILENT_SOURCE: "sleep 60",
  });
  assertEquals(code, 1, text);
  assertMatch(
    text,
    /^ok +Camera slow \(exec\) delivers pictures: 640x480, the first after 1\d\.\d s$/m,
  );
  assertMatch(
    text,
    /^problem +Camera silent \(exec\) delivers no picture: no data arrived\n +→ if the camera .* in 15 s, set FPS/m,
  );
});

Deno.test("the doctor checks the folder for recordings, and leaves nothing there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const RECORD_DIR = `${folder}/recordings`;
    const { code, text } = await main(["doctor"], { RECORD_DIR, RECORD_MAX: "1000T" });
    assertEquals(code, 0, text);
    assertMatch(text, /^ok +This user can record in ".*\/recordings": [\d.]+ [kMGT]B free$/m);
    assertMatch(
      text,
      /^warning +RECORD_MAX is 1000 TB, but the disk has room for [\d.]+ [kMGT]B\n +→ .*earlier/m,
    );
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);

    await Deno.writeTextFile(RECORD_DIR, "a file");
    for (
      const [dir, reason] of [[RECORD_DIR, "it is not a folder"], [
        `${folder}/no/folder`,
        "the folder that contains it does not exist",
      ]]
    ) {
      const { code, text } = await main(["doctor"], { RECORD_DIR: dir! });
      assertEquals(code, 1, text);
      assertStringIncludes(
        text,
        `problem  Cannot record in "${dir}": ${reason}\n         → set RECORD_DIR to a folder`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the doctor notes that a server records in the folder, and that MP4 needs ffmpeg", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const RECORD_DIR = `${folder}/recordings`;
    await Deno.mkdir(`${folder}/bin`); // without programs
    await using server = await Server.start({ env: { RECORD_DIR } });
    const { code, text } = await main(["doctor"], { RECORD_DIR, PATH: `${folder}/bin` });
    assertEquals(code, 0, text);
    assertMatch(
      text,
      /^note +Another dinocam server records in ".*"\n +→ .*another RECORD_DIR$/m,
    );
    assertMatch(text, /^note +ffmpeg not found \(needed for clip\.mp4\)\n +→ sudo apt/m);
    assertEquals((await server.stop()).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the doctor reports a missing program that a configured camera needs", async () => {
  const folder = await Deno.makeTempDir(); // empty
  try {
    const { code, text } = await main(["doctor"], { CAMERA: "usb", PATH: folder });
    assertEquals(code, 1);
    assertMatch(
      text,
      /^problem +ffmpeg not found \(needed for CAMERA=usb\)\n +→ sudo apt install ffmpeg/m,
    );
    assertMatch(text, /^note +rpicam-vid not found \(needed for CAMERA=pi\)$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(
  "the server lists the values of SOURCE with --list-cameras",
  needing(PYTHON),
  async () => {
    const { code, text } = await main(["--list-cameras"], {
      ...FAKE_CAMERA,
      FAKE_CAMERA_CAMERAS: "2",
    });
    assertEquals(code, 0);
    assertStringIncludes(text, "CAMERA=pi SOURCE=0  imx708_wide (4608x2592)\nCAMERA=pi SOURCE=1  ");
    assertStringIncludes(text, "CAMERA=usb ");
  },
);

Deno.test(
  "the doctor opens the microphone, and says how loud it is",
  needing(...PULSE_AUDIO, "ffmpeg", "pactl"),
  async () => {
    await using pulse = await PulseAudio.start();
    const env = { ...pulse.env, CAMERA: "front=emulated,back=emulated" };
    const sine = "sine=frequency=1000:sample_rate=48000"; // of -21 dBFS
    const player = new Deno.Command("ffmpeg", {
      args: [
        ...["-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", sine],
        ...["-f", "pulse", "-device", pulse.microphone, "tone"],
      ],
      env: pulse.env,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const { code, text } = await main(["doctor"], { ...env, AUDIO: `pulse:${pulse.source}` });
      assertEquals(code, 0, text);
      const [, level] = new RegExp(
        `^ok +Sound of cameras front, back \\(pulse:${pulse.source}\\): opened for a second, ` +
          "the first sound after \\d\\.\\d s, level (-\\d+) dBFS \\(highest -18\\)$",
        "m",
      ).exec(text) ?? [];
      assert(Math.abs(Number(level) + 21) <= 1, text);
      assert(!text.includes("Found microphone"), text);
    } finally {
      player.kill("SIGKILL");
      await player.status;
    }

    await pactl(pulse, "set-source-mute", pulse.source, "1");
    const muted = await main(["doctor"], { ...env, BACK_AUDIO: `pulse:${pulse.source}` });
    assertEquals([muted.code, muted.lines.at(-1)], [0, "Warnings: 1"], muted.text);
    assertMatch(
      muted.text,
      /^warning +Sound of camera back .*: only silence\n +→ the microphone is muted: pactl set-source-mute mic\.monitor 0$/m,
    );
  },
);

const ON_LINUX = Deno.build.os === "linux" ? needing("ffmpeg") : leftOut("Linux");

Deno.test("the doctor says why a microphone cannot be opened", ON_LINUX, async () => {
  const folder = await Deno.makeTempDir(); // without a sound server
  try {
    const { code, text } = await main(["doctor"], {
      CAMERA: "front=emulated,back=emulated",
      FRONT_AUDIO: "pulse",
      BACK_AUDIO: "exec:no-such-program me:secret",
      PULSE_SERVER: `unix:${folder}/native`,
    });
    assertEquals(code, 1, text);
    assertMatch(
      text,
      /^problem +Sound of camera front \(pulse\): ffmpeg exited .*\n +→ no sound server at PULSE_SERVER=/m,
    );
    assertMatch(
      text,
      /^problem +Sound of camera back \(exec:no-such-program …\): Cannot find no-such-program/m,
    );
    assert(!text.includes("secret"), text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the doctor opens no microphone for AUDIO=test", async () => {
  const { code, text } = await main(["doctor"], { AUDIO: "test" });
  assertEquals(code, 0, text);
  assertMatch(
    text,
    /^ok +Sound of camera emulated \(test\): a beep with the pictures, and no microphone$/m,
  );
});

Deno.test(
  "the doctor and --list-cameras list microphones and their values of AUDIO",
  needing(...PULSE_AUDIO, "pactl"),
  async () => {
    await using pulse = await PulseAudio.start();
    await pactl(
      pulse,
      "load-module",
      "module-virtual-source",
      "source_name=usb",
      "master=mic.monitor",
    );
    const name = "Virtual Source usb on Monitor of Null Output";
    const { text: list } = await main(["--list-cameras"], pulse.env);
    assertMatch(list, new RegExp(`^AUDIO=pulse:usb  ${name}$`, "m"));
    assert(!list.includes(pulse.source), list);
    const { code, text } = await main(["doctor"], pulse.env);
    assertEquals(code, 0, text);
    assertMatch(text, new RegExp(`^note +Found microphone ${name}: AUDIO=pulse:usb$`, "m"));
    assert(!text.includes("Sound of"), text);
  },
);

/** Runs `pactl` with a private server. */
async function pactl({ env }: PulseAudio, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command("pactl", { args, env, stdout: "null" }).output();
  assert(success, args.join(" "));
}

async function main(args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", "main.ts", ...args],
    cwd: ROOT,
    env: { PORT: "0", ...env },
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const text = new TextDecoder().decode(stdout).trimEnd();
  return { code, text, lines: text.split("\n") };
}
