import { assertEquals } from "@std/assert";

const GROUND = "@std/|lib/(frame|clock|env|errors|log|arguments)\\.ts";
const PARTS = "lib/(process\\.ts|jpeg/|multipart/|hub/)";
const CORE = `${GROUND}|${PARTS}|lib/camera/`;

/** What the files of each place may import, besides their own folder. */
const MAY_IMPORT: Record<string, string> = {
  "cameras/":
    `${GROUND}|lib/(process\\.ts|jpeg/|multipart/)|lib/camera/driver\\.ts|lib/[a-z]+/mod\\.ts`,
  "lib/http/": "@std/|lib/|hono",
  "lib/camera/": `${GROUND}|${PARTS}`,
  "lib/hub/": GROUND,
  "lib/jpeg/": GROUND,
  "lib/multipart/": GROUND,
  "lib/sockets/": GROUND,
  "lib/permissions/": `${GROUND}|lib/(config\\.ts|sockets/)`,
  "lib/live/": CORE,
  "lib/auth/": CORE,
  "lib/metrics/": CORE,
  "lib/doctor/": CORE,
  "lib/": GROUND,
};

Deno.test("every import goes down, and only lib/http/ knows Hono", async () => {
  const wrong: string[] = [];
  for (const file of [...files("lib"), ...files("cameras")]) {
    const place = Object.keys(MAY_IMPORT).find((p) => file.startsWith(p))!;
    const allowed = new RegExp(`^(${MAY_IMPORT[place]})`);
    for (const target of imports(file, await Deno.readTextFile(file))) {
      const own = place !== "lib/" && target.startsWith(place);
      if (!own && !allowed.test(target)) wrong.push(`${file} -> ${target}`);
    }
  }
  assertEquals(wrong, []);
});

function* files(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* files(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

function imports(file: string, source: string): string[] {
  return [...source.matchAll(/^(?! \*).*\bfrom "([^"]+)";$/gm)].map(
    ([, specifier]) =>
      specifier!.startsWith(".")
        ? new URL(specifier!, `file:///${file}`).pathname.slice(1)
        : specifier!,
  );
}
