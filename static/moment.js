// @ts-check

/**
 * Reads the fragment of the page's address: `#front`, and the links to a moment
 * `#front@2026-11-27T05:43:33Z` and `#@2026-11-27T05:43:33Z` (all cameras).
 *
 * @param {string | null} hash
 * @returns {{ camera: string, at?: number }} An empty name stands for all cameras.
 */
export function parseHash(hash) {
  const [camera = "", moment = ""] = (hash ?? "").replace(/^#/, "").split("@").map(decode);
  const at = Date.parse(moment);
  return { camera, ...Number.isNaN(at) ? {} : { at } };
}

/** Returns the fragment of a link to a camera, and a moment. @param {string} camera @param {number} [at] */
export function formatHash(camera, at) {
  const moment = at === undefined ? "" : `@${new Date(at).toISOString()}`;
  return `#${encodeURIComponent(camera)}${moment}`;
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // malformed percent-encoding
  }
}
