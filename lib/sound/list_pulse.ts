import { output } from "../process/mod.ts";
import type { FoundMicrophone } from "./found_microphone.ts";

/** A source of a PulseAudio or PipeWire server. */
interface PulseSource extends FoundMicrophone {
  /** Whether it returns what a loudspeaker plays. */
  readonly isMonitor: boolean;
}

/**
 * Lists the microphones of this user's PulseAudio or PipeWire server. Monitors of loudspeakers are
 * listed only if there is nothing else.
 *
 * @returns Undefined if `pactl` is missing or the server does not run.
 */
export async function listPulse(signal: AbortSignal): Promise<FoundMicrophone[] | undefined> {
  try {
    const env = { LC_ALL: "C" }; // pactl translates its output
    const { success, stdout } = await output("pactl", ["list", "sources"], signal, { env });
    if (!success) return undefined;
    const { stdout: info } = await output("pactl", ["info"], signal, { env });
    return parsePulseSources(stdout, /^Default Source: (\S+)$/m.exec(info)?.[1]);
  } catch {
    return undefined; // not installed
  }
}

/** Parses the output of `pactl list sources`. The default source comes first. */
export function parsePulseSources(text: string, defaultSource?: string): FoundMicrophone[] {
  const sources = text.split(/^(?=Source #\d+)/m).flatMap((block): PulseSource[] => {
    const field = (name: string) => new RegExp(`^\\t${name}: (.+)$`, "m").exec(block)?.[1]?.trim();
    const name = field("Name");
    if (!name) return [];
    return [{
      audio: `pulse:${name}`,
      name: field("Description") ?? name,
      muted: field("Mute") === "yes",
      isMonitor: (field("Monitor of Sink") ?? "n/a") !== "n/a",
    }];
  });
  return ordered(sources, defaultSource);
}

/**
 * Parses ffmpeg's list of sources: `* alsa_input.usb-… [USB Microphone] (none)`. The asterisk marks
 * the default source.
 */
export function parsePulseDevices(lines: readonly string[]): FoundMicrophone[] {
  const found: PulseSource[] = [];
  let defaultSource: string | undefined;
  for (const line of lines) {
    const [, mark, source, name] = /^([* ]) (\S+) \[(.*)\](?: \([^()]*\))?$/.exec(line) ?? [];
    if (!source) continue;
    if (mark === "*") defaultSource = source;
    const isMonitor = source.endsWith(".monitor");
    found.push({ audio: `pulse:${source}`, name: name || source, isMonitor });
  }
  return ordered(found, defaultSource);
}

function ordered(sources: readonly PulseSource[], defaultSource?: string): FoundMicrophone[] {
  const microphones = sources.filter(({ isMonitor }) => !isMonitor);
  const listed = microphones.length > 0 ? microphones : sources;
  const isDefault = ({ audio }: PulseSource) => Number(audio === `pulse:${defaultSource}`);
  return listed.toSorted((a, b) => isDefault(b) - isDefault(a))
    .map(({ isMonitor: _, ...microphone }) => microphone);
}
