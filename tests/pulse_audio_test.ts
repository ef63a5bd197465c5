import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { needing } from "./parts.ts";
import { leavingNoProcess } from "./processes.ts";
import { PULSE_AUDIO, PulseAudio } from "./pulse_audio.ts";

Deno.test(
  "PulseAudio lets ffmpeg record what another ffmpeg plays",
  needing(...PULSE_AUDIO, "ffmpeg"),
  async () => {
    let folder = "";
    await leavingNoProcess(async () => {
      await using audio = await PulseAudio.start();
      folder = audio.env.XDG_RUNTIME_DIR!;
      const heard = async (device: string) => {
        const args = ["-f", "pulse", "-i", device, "-t", "0.5", "-ac", "1", "-f", "s16le", "-"];
        const { stdout } = await ffmpeg(args, audio.env);
        return Math.max(0, ...new Int16Array(stdout.slice().buffer));
      };
      assertEquals(await heard(audio.source), 0);
      const sine = ["-re", "-f", "lavfi", "-i", "sine=440", "-t", "3", "-f", "pulse"];
      const playing = ffmpeg([...sine, "-device", audio.microphone, "tone"], audio.env);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assertGreater(await heard(audio.source), 1_000);
      assertLess(await heard(audio.ears), 1);
      await playing;
    });
    assertEquals(await Deno.stat(folder).catch(() => "removed"), "removed");
  },
);

/** Runs ffmpeg until it exits. */
async function ffmpeg(args: readonly string[], env: Readonly<Record<string, string>>) {
  const output = await new Deno.Command("ffmpeg", {
    args: ["-nostdin", "-v", "error", ...args],
    env,
  }).output();
  assertEquals(new TextDecoder().decode(output.stderr), "");
  return output;
}
