/**
 * Reads and writes Matroska files with a track of JPEGs, a cluster for each frame, and optionally
 * one of PCM, in clusters between them (RFC 9559). Bytes in, bytes out: it opens no files.
 *
 *     head      `headSize()` bytes, written again when the file is complete
 *     clusters  `CLUSTER_HEADER` bytes and a JPEG, for each frame; or samples
 *     cues      the index, written when the file is complete
 *
 * @module
 */
export {
  type Cluster,
  CLUSTER_HEADER,
  clusterHeader,
  type ClusterOptions,
  MAX_CLUSTER_FRAME,
  readClusterHeader,
  TRACK,
  type Track,
  writeClusterHeader,
  writeVoid,
} from "./cluster.ts";
export { type Cues, type CuesOptions, cuesSize, encodeCues, readCues } from "./cues.ts";
export { type Element, readElement } from "./ebml.ts";
export {
  encodeHead,
  type Head,
  HEAD_SIZE,
  type HeadOptions,
  headSize,
  type LiveHead,
  MAX_HEAD_SIZE,
  readHead,
  readLiveHead,
  type SoundTrack,
} from "./head.ts";
