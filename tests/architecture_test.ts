import { assert, assertEquals } from "@std/assert";

/**
 * The layers, from top to bottom. A file may import from its own folder and from lower layers. A
 * path that ends with a slash is a folder with all its files; the longest matching path counts.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["lib/http/"],
  ["lib/cli/"],
  ["cameras/"],
  // The modules: no module imports another one, and main.ts connects them. Unlisted folders are
  // modules, too.
  ["lib/live/", "lib/streaming/", "lib/metrics/", "lib/doctor/"],
  ["lib/camera/", "lib/permissions/"],
  [
    ...["lib/auth/", "lib/config.ts", "lib/matroska/", "lib/multipart/", "lib/pixels/"],
    ...["lib/playback/", "lib/sockets/", "lib/upstream/"],
  ],
  ["lib/host.ts", "lib/jpeg/", "lib/limit_fps.ts", "lib/setting.ts", "lib/sound_packet.ts"],
  [
    ...[
      "lib/hub/",
      "lib/http1/",
      "lib/process/",
      "lib/env.ts",
      "lib/frame.ts",
      "lib/frame_buffers.ts",
      "lib/log.ts",
    ],
    ...["lib/log_limiter.ts", "lib/received.ts", "lib/relay_loops.ts"],
    ...["lib/shell_words.ts", "lib/systemd.ts"],
  ],
  [
    ...["lib/bytes.ts", "lib/clock.ts", "lib/errors.ts", "lib/events.ts", "lib/libc.ts"],
    ...["lib/path.ts", "lib/redact.ts", "lib/sniff.ts"],
  ],
  ["lib/percent.ts", "lib/quote.ts"],
];

/** The layer of the modules. */
const MODULES = LAYERS.findIndex((places) => places.includes("lib/live/"));

const sources = new Map(
  await Promise.all(
    ["main.ts", ...files("lib"), ...files("cameras")]
      .map(async (file) => [file, imports(file, await Deno.readTextFile(file))] as const),
  ),
);

Deno.test("imports go down only", () => {
  const wrong = edges().filter(([file, target]) =>
    folderOf(file) !== folderOf(target) && layerOf(target) <= layerOf(file)
  );
  assertEquals(wrong, []);
});

Deno.test("imports have no cycle", () => {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    assert(!path.includes(file), `cycle: ${[...path, file].join(" -> ")}`);
    if (done.has(file)) return;
    path.push(file);
    for (const target of sources.get(file) ?? []) if (sources.has(target)) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of sources.keys()) visit(file);
});

Deno.test("only lib/http/ imports Hono", () => {
  const users = [...sources].filter(([, targets]) => targets.some((t) => /^hono\b/.test(t)));
  const folders = new Set(users.map(([file]) => folderOf(file)));
  assertEquals([...folders], ["lib/http/"]);
});

Deno.test("a folder with a mod.ts is imported by that only, apart from its settings", () => {
  const wrong = edges().filter(([file, target]) =>
    folderOf(file) !== folderOf(target) && sources.has(`${folderOf(target)}mod.ts`) &&
    !/\/(mod|settings)\.ts$/.test(target)
  );
  assertEquals(wrong, []);
});

/** Returns all imports of one file of the project by another. */
function edges(): [file: string, target: string][] {
  return [...sources].flatMap(([file, targets]) =>
    targets.filter((target) => sources.has(target)).map((target): [string, string] => [
      file,
      target,
    ])
  );
}

/**
 * Returns the folder in `cameras/` or `lib/` that a file belongs to, or the file itself if it is in
 * no such folder.
 */
function folderOf(file: string): string {
  return /^(cameras\/|lib\/[^/]+\/)/.exec(file)?.[0] ?? file;
}

function layerOf(file: string): number {
  const layer = LAYERS.findIndex((places) => places.includes(folderOf(file)));
  if (layer !== -1) return layer;
  assert(/^lib\/[^/]+\//.test(file), `${file} belongs to no layer: lib/*.ts must be listed`);
  return MODULES;
}

function* files(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* files(`${folder}/${name}`);
    else if (/(?<!\.d)\.ts$/.test(name)) yield `${folder}/${name}`;
  }
}

function imports(file: string, source: string): string[] {
  return [...source.matchAll(/^(?! \*)(?:import|export|\}).*\bfrom "([^"]+)"/gm)].map(
    ([, specifier]) =>
      specifier!.startsWith(".")
        ? new URL(specifier!, `file:///${file}`).pathname.slice(1)
        : specifier!,
  );
}
