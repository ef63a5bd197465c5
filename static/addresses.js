// @ts-check
/// <reference lib="dom" />

/**
 * Returns an address of the server, below the path of this page. Removes the user name and password of the
 * page's own address: `fetch` rejects them, and they must not appear in addresses that users pass on.
 *
 * @param {string} path
 */
export function addressOf(path) {
  const address = new URL(path, document.baseURI);
  address.username = address.password = "";
  return address;
}

/**
 * @typedef {object} Address An address or command for another program.
 * @property {string} title
 * @property {string} text
 * @property {string} [hint]
 */

/**
 * Returns the addresses of a camera for other programs.
 *
 * @param {string} camera
 * @returns {Address[]}
 */
export function addressesOf(camera) {
  const base = addressOf(`cameras/${encodeURIComponent(camera)}/`);
  const stream = new URL("video_feed", base).href;
  const snapshot = new URL("snapshot.jpg", base).href;
  return [
    { title: "Stream", text: stream, hint: "Home Assistant: MJPEG URL. OctoPrint: stream URL" },
    { title: "Snapshot", text: snapshot, hint: "Home Assistant: still image URL" },
    { title: "In a web page", text: `<img src="${stream}" alt="${camera}">` },
    { title: "VLC", text: `vlc ${stream}` },
    {
      title: "Save with ffmpeg",
      text: `ffmpeg -use_wallclock_as_timestamps 1 -f mpjpeg -i ${stream} -c copy ${camera}.mkv`,
    },
    { title: "OpenCV", text: `cv2.VideoCapture("${stream}")` },
  ];
}

/** Returns what a user has to know to use the addresses. */
export function noteOnAddresses() {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  return local
    ? "These addresses work on this machine only. To allow your network: HOST=0.0.0.0 AUTH=user:password"
    : "If the server requires a password, add it to the address: http://user:password@…";
}

/** Copies text to the clipboard. @param {string} text @param {HTMLInputElement} field The field that shows it. */
export async function copyText(text, field) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP from another machine there is no clipboard, but a page may copy its selection.
    field.select();
    if (!document.execCommand("copy")) throw new Error("The browser does not allow copying");
  }
}
