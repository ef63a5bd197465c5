import { output } from "../process/mod.ts";
import type { FoundMicrophone } from "./found_microphone.ts";

/**
 * Lists the microphones of ALSA, that is of the kernel. `arecord -l` would need a package, and
 * lists nothing to a user without access to the devices. `cat`, because Deno reads files under
 * /proc only with all permissions.
 */
export async function listAlsa(signal: AbortSignal): Promise<FoundMicrophone[]> {
  try {
    const [cards, devices] = await Promise.all(
      ["cards", "pcm"].map((file) => output("cat", [`/proc/asound/${file}`], signal)),
    );
    return parseAlsa(cards!.stdout, devices!.stdout);
  } catch {
    return []; // there is no cat
  }
}

/**
 * Parses the kernel's lists: ` 1 [Device         ]: USB-Audio - USB PnP Sound Device` and
 * `01-00: USB Audio : USB Audio : capture 1`. Names the card by its identifier, which stays the
 * same when cards are found in another order.
 */
export function parseAlsa(cards: string, devices: string): FoundMicrophone[] {
  const names = new Map<number, { id: string; name: string }>();
  for (const [, index, id, name] of cards.matchAll(/^ *(\d+) \[(\S+) *\]: .*? - (.*)$/gm)) {
    names.set(Number(index), { id: id!, name: name!.trim() });
  }
  return [...devices.matchAll(/^(\d+)-(\d+): (.*)$/gm)].flatMap(([, index, device, rest]) => {
    if (!/: capture \d/.test(rest!)) return [];
    const card = names.get(Number(index));
    const audio = `alsa:plughw:CARD=${card?.id ?? Number(index)},DEV=${Number(device)}`;
    const [detail = ""] = rest!.split(" : ", 1);
    return [{ audio, name: [card?.name, detail.trim()].filter(Boolean).join(", ") }];
  });
}
