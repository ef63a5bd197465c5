import { encode } from "../lib/pixels/libjpeg.ts";
import { Renderer } from "../../lib/pixels/renderer.ts";
import { isInstalled } from "../parts.ts";
import type { Jpeg } from "../../lib/frame.ts";

interface Wanted {
  readonly height?: number;
  readonly quality?: number;
}

const SIZES = { "720p": { width: 1280, height: 720 }, "1080p": { width: 1920, height: 1080 } };

for (const [name, size] of isInstalled("cjpeg") ? Object.entries(SIZES) : []) {
  const jpeg = await encode({ ...size, args: ["-sample", "2x2", "-quality", "40"] });
  const kilobytes = Math.round(jpeg.length / 1000);
  for (const eighths of [4, 3, 2, 1]) {
    const height = size.height * eighths / 8;
    bench(name, jpeg, `${name} of ${kilobytes} KB to ${height}p`, { height });
  }
  bench(name, jpeg, `${name} to quality 30`, { quality: 30 });
  bench(name, jpeg, `${name} to ${size.height / 2}p of quality 30`, {
    height: size.height / 2,
    quality: 30,
  });
}

function bench(group: string, jpeg: Jpeg, title: string, { height, quality }: Wanted): void {
  const renderer = new Renderer({ type: "render", height, quality, overlay: undefined });
  Deno.bench(title, { group }, () => {
    const result = renderer.process(jpeg, 0);
    if ("refused" in result) throw new Error(result.refused);
  });
}
