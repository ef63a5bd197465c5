import { figure } from "../faults/figures.ts";
import { needing } from "../parts.ts";
import { checkCuts, checkCutsWithFfmpeg } from "./cuts.ts";
import { PLAYERS } from "./players.ts";

// The cuts at every byte are in long.ts.

Deno.test(
  "ffmpeg copies the whole frames of a segment that was cut off",
  needing("ffmpeg"),
  async () => {
    figure("cuts read by ffmpeg", await checkCutsWithFfmpeg(83));
  },
);

for (const player of PLAYERS.filter(({ name }) => ["VLC", "GStreamer", "mpv"].includes(name))) {
  const { name, programs } = player;
  Deno.test(`${name} plays a segment that was cut off`, needing(...programs), async () => {
    figure(`cuts played by ${name}`, await checkCuts(player, 300));
  });
}
