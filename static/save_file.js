// @ts-check
/// <reference lib="dom" />

/** How long a saved file stays in memory, so that the browser can read it, in milliseconds. */
const DOWNLOAD_TIME = 10_000;

/** Saves a file in the browser's folder for downloads. @param {Blob} file @param {string} name */
export function saveFile(file, name) {
  const address = URL.createObjectURL(file);
  saveAddress(address, name);
  setTimeout(() => URL.revokeObjectURL(address), DOWNLOAD_TIME);
}

/**
 * Has the browser download an address, with the browser's own progress.
 *
 * @param {string} address
 * @param {string} name Used if the server names no file.
 */
export function saveAddress(address, name) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.click();
}

/**
 * Formats a local time for a file name.
 *
 * @param {number} time In milliseconds since the Unix epoch.
 */
export function formatFileTime(time) {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replaceAll(":", "-").replace("T", "_");
}
