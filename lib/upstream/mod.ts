/**
 * Requests to another server whose address is a setting: `SOURCE` of an `mjpeg` camera, or `AUDIO`.
 * Turns their failures into messages that name the setting.
 *
 * @module
 */
export {
  failureOf,
  requestFailure,
  type Upstream,
  withFingerprint,
  wrongContent,
  WrongContentError,
} from "./failure.ts";
export { readTrust } from "./trust.ts";
