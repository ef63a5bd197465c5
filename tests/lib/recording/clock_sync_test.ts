import { assertEquals } from "@std/assert";
import { isClockSet } from "../../../lib/recording/clock_sync.ts";

Deno.test("isClockSet asks systemd's files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assertEquals(await isClockSet(`${folder}/none`), true);
    assertEquals(await isClockSet(folder), false);
    await Deno.writeTextFile(`${folder}/synchronized`, "");
    assertEquals(await isClockSet(folder), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(
  "isClockSet says yes where reading is not permitted",
  { permissions: "none" },
  async () => {
    assertEquals(await isClockSet(), true);
  },
);
