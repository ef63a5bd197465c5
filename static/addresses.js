// @ts-check
/// <reference lib="dom" />

/**
 * An address of the server's, wherever below its host this page lies. A password in the page's own
 * address is left out: `fetch` takes none, and it is nobody else's business.
 *
 * @param {string} path
 */
export function addressOf(path) {
  const address = new URL(path, document.baseURI);
  address.username = address.password = "";
  return address;
}

/**
 * What other programs want to be told of a camera.
 *
 * @param {string} camera
 * @returns {{ title: string, text: string, hint?: string }[]}
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

/** What else has to be known to use an address. */
export function noteOnAddresses() {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  return local
    ? "These addresses work on this machine only. HOST=0.0.0.0 and AUTH=user:password open the server to the network."
    : "If the server asks for a password, write it into the address: http://user:password@…";
}

/** Puts text on the clipboard. @param {string} text @param {HTMLInputElement} field The field that shows it. */
export async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page that came over plain HTTP from elsewhere has no clipboard, but may copy what is selected.
    field.select();
    if (!document.execCommand("copy")) throw new Error("The browser does not let us copy");
  }
}
