/**
 * Reads and writes Matroska files with one track of JPEGs, a cluster for each frame (RFC 9559).
 * Bytes in, bytes out: it opens no files.
 *
 *     head      `HEAD_SIZE` bytes, written again when the file is complete
 *     clusters  `CLUSTER_HEADER` bytes and a JPEG, for each frame
 *     cues      the index, written when the file is complete
 *
 * @module
 */
export {
  type Cluster,
  CLUSTER_HEADER,
  clusterHeader,
  MAX_CLUSTER_FRAME,
  readClusterHeader,
  writeClusterHeader,
  writeVoid,
} from "./cluster.ts";
export { type Cues, cuesSize, encodeCues, readCues } from "./cues.ts";
export { encodeHead, type Head, HEAD_SIZE, type HeadOptions, readHead } from "./head.ts";
