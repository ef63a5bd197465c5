import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { findBestGrid, MIN_PICTURE_SIZE } from "../../static/grid.js";

const GAP = 8;
/**
 * The space for the cameras in windows of these sizes, without the header, the controls and the
 * padding.
 */
const SPACES = {
  "1280x800": { width: 1264, height: 734, gap: GAP },
  "1920x1080": { width: 1904, height: 1014, gap: GAP },
  "390x844": { width: 374, height: 724, gap: GAP },
};
const WIDE = 16 / 9;

function share(ratios: number[], space: { width: number; height: number; gap: number }): number {
  const { width, height } = findBestGrid(ratios, space);
  const areas = ratios.map((ratio) =>
    Math.min(width, height * ratio) * Math.min(height, width / ratio)
  );
  return areas.reduce((sum, area) => sum + area, 0) / (space.width * space.height);
}

Deno.test("findBestGrid fits 1 to 16 pictures in the space without overlap", () => {
  for (const space of Object.values(SPACES)) {
    for (let count = 1; count <= 16; count++) {
      for (const ratio of [WIDE, 4 / 3, 3 / 4]) {
        const grid = findBestGrid(Array(count).fill(ratio), space);
        const { columns, rows, width, height } = grid;
        assertGreaterOrEqual(columns * rows, count);
        assertLessOrEqual(columns * width + (columns - 1) * GAP, space.width);
        if (!grid.scrolls) {
          assertLessOrEqual(rows * height + (rows - 1) * GAP, space.height);
        }
        const picture = {
          width: Math.min(width, height * ratio),
          height: Math.min(height, width / ratio),
        };
        assertGreaterOrEqual(Math.max(picture.width, picture.height), MIN_PICTURE_SIZE - 1);
        // The tile has the shape of its picture: there is no letterbox.
        assert(Math.abs(width / height - ratio) < 0.03, `${width} × ${height}`);
      }
    }
  }
});

Deno.test("findBestGrid chooses the columns that give the largest pictures", () => {
  const columns = (space: keyof typeof SPACES, counts: number[], ratio = WIDE) =>
    counts.map((count) => findBestGrid(Array(count).fill(ratio), SPACES[space]).columns);
  const counts = Array.from({ length: 16 }, (_, i) => i + 1);
  assertEquals(columns("1280x800", counts), [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4]);
  assertEquals(columns("1920x1080", counts), [1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]);
  assertEquals(columns("390x844", counts), [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
});

Deno.test("findBestGrid scrolls only where pictures would be smaller than 160 px", () => {
  const scrolls = (space: keyof typeof SPACES, count: number) =>
    findBestGrid(Array(count).fill(WIDE), SPACES[space]).scrolls;
  for (const space of ["1280x800", "1920x1080"] as const) assertEquals(scrolls(space, 16), false);
  assertEquals([scrolls("390x844", 12), scrolls("390x844", 16)], [false, true]);
  assertEquals([scrolls("1280x800", 42), scrolls("1280x800", 100)], [false, true]);
});

Deno.test("findBestGrid uses at least 60 % of a large window for four pictures", () => {
  for (const ratio of [WIDE, 4 / 3]) {
    assertGreaterOrEqual(share(Array(4).fill(ratio), SPACES["1920x1080"]), 0.6);
    assertGreaterOrEqual(share(Array(4).fill(ratio), SPACES["1280x800"]), 0.6);
  }
});

Deno.test("findBestGrid takes rotated pictures into account", () => {
  const rotated = findBestGrid([1 / WIDE, 1 / WIDE, 1 / WIDE], SPACES["1280x800"]);
  assertEquals([rotated.columns, rotated.rows], [3, 1]);
  const mixed = findBestGrid([WIDE, 1 / WIDE], SPACES["1280x800"]);
  assertEquals([mixed.columns, mixed.rows], [2, 1]);
});

Deno.test("findBestGrid returns a grid for a window without space", () => {
  const grid = findBestGrid([WIDE, WIDE], { width: 0, height: 0, gap: GAP });
  assertEquals(grid, { columns: 1, rows: 2, width: 0, height: 0, scrolls: true });
});
