// @ts-check
/// <reference lib="dom" />

/** @typedef {import("./live.js").ServerInfo} ServerInfo */

/** Placeholder for the user name and password, which the page does not know. */
const CREDENTIALS = "USER:PASSWORD";
const SOUND = "audio.wav";

/**
 * Returns an address of the server, without the user name and password of the page's own address:
 * `fetch` rejects them, and users pass addresses on.
 *
 * @param {string} path
 */
export function addressOf(path) {
  const address = new URL(path, document.baseURI);
  address.username = address.password = "";
  return address;
}

/** Returns an address of a camera. @param {string} camera @param {string} path */
export function cameraAddress(camera, path) {
  return addressOf(`cameras/${encodeURIComponent(camera)}/${path}`);
}

/**
 * Returns the base addresses of the server: the page's own first, loopback addresses last.
 *
 * @param {ServerInfo | undefined} server
 */
export function baseAddresses(server) {
  const own = addressOf(".");
  const others = (server?.addresses ?? []).filter((address) => URL.canParse(address))
    .map((address) => new URL(address.endsWith("/") ? address : `${address}/`).href)
    .filter((address) => address !== own.href);
  const bases = [...new Set([own.href, ...others])];
  return [...bases.filter((base) => !isLoopback(base)), ...bases.filter(isLoopback)];
}

/** Whether an address works on this machine only. @param {string} address */
export function isLoopback(address) {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** @typedef {{ title: string, text: string, hint?: string }} Address */

/**
 * Returns the addresses of a camera for other programs, with a place for a password if `auth`, and
 * of smaller pictures if there is a `height`.
 *
 * @param {string} camera
 * @param {{ base?: string, auth?: boolean, sound?: boolean, height?: string }} [options]
 * @returns {Address[]}
 */
export function addressesOf(camera, { base = addressOf(".").href, auth, sound, height } = {}) {
  const folder = new URL(`cameras/${encodeURIComponent(camera)}/`, base);
  const locate = (/** @type {string} */ name) => {
    const address = new URL(name, folder);
    if (height && name !== SOUND) address.searchParams.set("height", height);
    return address.href;
  };
  const withCredentials = (/** @type {string} */ name) =>
    auth ? locate(name).replace("://", `://${CREDENTIALS}@`) : locate(name);
  const stream = withCredentials("video_feed");
  const snapshot = withCredentials("snapshot.jpg");
  const both = withCredentials("av.mkv");
  const withSound = [
    { title: "Picture and sound", text: both, hint: "VLC, mpv, ffmpeg, GStreamer" },
    { title: "Sound", text: withCredentials(SOUND), hint: "Endless WAV" },
  ];
  return [
    ...sound ? withSound : [],
    { title: "Stream", text: stream, hint: "OctoPrint: stream URL" },
    { title: "Snapshot", text: snapshot, hint: "Home Assistant: still image URL" },
    {
      title: "Home Assistant",
      text: withCredentials("video_feed?advance_headers=1"),
      hint: "MJPEG URL",
    },
    {
      title: "In a web page",
      text: `<img src="${stream}" alt="${camera}">`,
      hint: auth ? "Chrome and Edge show no images with a password in the address" : undefined,
    },
    { title: "VLC", text: `vlc ${quoted(stream)}` },
    {
      title: "Save with ffmpeg",
      text: `ffmpeg -use_wallclock_as_timestamps 1 -f mpjpeg -i ${
        quoted(stream)
      } -c copy ${camera}.mkv`,
    },
    { title: "OpenCV", text: `cv2.VideoCapture("${stream}")` },
    {
      title: "Save a picture with curl",
      text: `curl ${auth ? `-u ${CREDENTIALS} ` : ""}-o ${camera}.jpg ${
        quoted(locate("snapshot.jpg"))
      }`,
    },
  ];
}

/** Quotes an address for a shell, if it has to be. @param {string} address */
function quoted(address) {
  return address.includes("?") ? `'${address}'` : address;
}

/** Returns the notes above the addresses. @param {string} base @param {ServerInfo | undefined} server */
export function notesOnAddresses(base, server) {
  const notes = [];
  if (isLoopback(base)) {
    notes.push("These addresses work on this machine only.");
    if (server?.reachable !== "network") {
      notes.push("To allow other devices, start the server with HOST=0.0.0.0 AUTH=user:password.");
    }
  }
  if (server?.auth) {
    notes.push(
      "Replace USER and PASSWORD with the values of AUTH; percent-encode special characters, " +
        "such as @ as %40.",
    );
  } else if (server?.reachable === "network") {
    notes.push("The server requires no password: everyone in its network can watch.");
  } else if (!server && !isLoopback(base)) {
    notes.push("If the server requires a password, add it to the address: http://USER:PASSWORD@…");
  }
  return notes;
}
