import type { Bytes } from "../bytes.ts";
import { clusterHeader, encodeHead, TRACK } from "../matroska/mod.ts";
import type { SoundPacket } from "../sound_packet.ts";
import { wavHeader } from "./wav.ts";

/** How far back the times of packets may jump before a file ends, in milliseconds. */
const MAX_STEP_BACK = 1_000;
/** Maximum time of a cluster, in milliseconds: 49 days. */
export const MAX_CLUSTER_TIME = 2 ** 32 - 1;

/** Encodes the packets of one stream. */
export interface SoundEncoder {
  /**
   * Returns the chunks for a packet; the first ones begin with the file's head. Undefined if the
   * file cannot continue, as the clock was set.
   */
  encode(packet: SoundPacket): Bytes[] | undefined;
  /** Sent while there is no sound, so that clients do not disconnect. */
  readonly keepAlive?: Bytes;
}

/** A format of sound without pictures. */
export interface SoundFormat {
  readonly contentType: string;
  /** @param rate Samples per second. */
  encoder(rate: number): SoundEncoder;
}

/** An endless WAV file: PCM, without times. */
export const WAV: SoundFormat = {
  contentType: "audio/wav",
  encoder(rate) {
    let head: Bytes[] = [wavHeader(rate)];
    return {
      encode({ samples }) {
        const chunks = [...head, samples];
        head = [];
        return chunks;
      },
      keepAlive: new Uint8Array(rate / 50 * 2), // 20 ms of silence
    };
  },
};

/**
 * A Matroska file of PCM with the time of each packet, for relays: `heardAt` is the head's date plus
 * the cluster's time, in whole milliseconds.
 */
export const MATROSKA_SOUND: SoundFormat = {
  contentType: "audio/x-matroska",
  encoder(rate) {
    let date: number | undefined;
    let previous = -Infinity;
    return {
      encode({ samples, heardAt }) {
        const head = date === undefined
          ? [encodeHead({ date: date = Math.floor(heardAt), sound: { rate } })]
          : [];
        const time = Math.round(heardAt - date);
        if (time < Math.max(0, previous - MAX_STEP_BACK) || time > MAX_CLUSTER_TIME) return;
        previous = time;
        return [...head, clusterHeader(time, samples.length, TRACK.SOUND), samples];
      },
    };
  },
};
