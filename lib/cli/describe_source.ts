import { quote } from "../quote.ts";

/**
 * Describes a value of `SOURCE` without parts that may be secret: `http://192.168.1.20:8000/…` for
 * a URL, `ffmpeg …` for a command. Undefined if the position of a password is unknown.
 */
export function describeSource(source: string): string | undefined {
  const [program, ...args] = source.split(/\s+/);
  if (args.length > 0) {
    const described = describeSource(program!);
    return described?.includes("…") ? undefined : described && `${described} …`;
  }
  if (source.includes("://")) return describeUrl(source);
  return /^[\w./:+\\-]{1,80}$/.test(source) ? source : undefined;
}

/**
 * Describes a value of `AUDIO` like {@link describeSource}: devices as they are,
 * `exec:arecord …` for a command.
 */
export function describeAudio(audio: string): string | undefined {
  const [, command] = /^exec:\s*(.*)$/is.exec(audio) ?? [];
  if (command !== undefined) {
    const described = describeSource(command);
    return described && `exec:${described}`;
  }
  if (audio.includes("://")) return describeSource(audio);
  if (/^[\w./:,=+-]{1,80}$/.test(audio)) return audio;
  return /^(pulse|alsa|avfoundation|dshow):[^@]*$/i.test(audio) ? quote(audio) : undefined;
}

function describeUrl(source: string): string | undefined {
  const url = URL.parse(source);
  if (!url) return undefined;
  // In `http://me:8#x@camera/`, the host is "me": the password is not escaped.
  const isAmbiguous = source.includes("@") && url.username === "" && url.password === "";
  if (isAmbiguous || !/^[\w.:[\]-]*$/.test(url.host)) return undefined;
  const shown = `${url.protocol}//${url.host}/…`;
  return shown.length <= 80 ? shown : quote(shown);
}
