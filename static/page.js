/// <reference lib="dom" />

/** @typedef {{ name: string, state: string, fps: number, viewers: number, resolution: string | null, lastError: string | null }} CameraStatus */

const REFRESH = 2_000;

/** @type {Map<string, { picture: HTMLImageElement, status: HTMLElement }>} */
const shown = new Map();

/** @param {CameraStatus} camera */
function show(camera) {
  const figure = document.createElement("figure");
  const picture = document.createElement("img");
  picture.className = "picture";
  picture.alt = `Live picture of camera ${camera.name}`;
  picture.src = streamOf(camera);
  const caption = document.createElement("figcaption");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = camera.name;
  const status = document.createElement("span");
  caption.append(name, status);
  figure.append(picture, caption);
  document.querySelector("#cameras")?.append(figure);
  const parts = { picture, status };
  shown.set(camera.name, parts);
  return parts;
}

/** @param {CameraStatus} camera */
function streamOf({ name }) {
  return `cameras/${encodeURIComponent(name)}/video_feed?t=${Date.now()}`;
}

/** @param {CameraStatus} camera */
function inWords({ state, fps, resolution, viewers, lastError }) {
  if (state === "failed") return lastError ?? "no picture";
  if (state !== "streaming") return state;
  return `${resolution}, ${fps} fps, ${viewers} watching`;
}

async function refresh() {
  try {
    const response = await fetch("cameras", { headers: { Accept: "application/json" } });
    /** @type {CameraStatus[]} */
    const cameras = await response.json();
    for (const camera of cameras) {
      const { picture, status } = shown.get(camera.name) ?? show(camera);
      status.textContent = inWords(camera);
      status.className = `status ${camera.state}`;
      // A stream that was refused is asked for again; one that goes on has a size.
      if (picture.complete && picture.naturalWidth === 0) picture.src = streamOf(camera);
    }
  } catch {
    for (const { status } of shown.values()) {
      status.textContent = "the server does not answer";
      status.className = "status failed";
    }
  }
  setTimeout(refresh, REFRESH);
}

refresh();
