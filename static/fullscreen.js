// @ts-check
import { setPressed } from "./dom.js";

/** How long the controls stay visible in full screen after the last input. */
const CONTROLS_VISIBLE_TIME = 2_500;

/** Whether the picture fills the screen, or the window. */
export function isFullscreen() {
  return document.documentElement.classList.contains("fullscreen");
}

export function toggleFullscreen() {
  const page = document.documentElement;
  if (document.fullscreenElement) document.exitFullscreen();
  else if (page.requestFullscreen && !isFullscreen()) {
    page.requestFullscreen().catch(() => showFullscreen(true));
  } else showFullscreen(!isFullscreen());
}

/** Lays the page out for full screen: on an iPhone, the picture fills the window. @param {boolean} wanted */
export function showFullscreen(wanted) {
  document.documentElement.classList.toggle("fullscreen", wanted);
  setPressed("fullscreen", wanted);
}

document.addEventListener("fullscreenchange", () => {
  showFullscreen(document.fullscreenElement !== null);
});

// The controls are visible while the user moves the mouse, touches or types.
/** @type {ReturnType<typeof setTimeout> | undefined} */
let hideTimer;
for (const type of ["pointermove", "pointerdown", "keydown"]) {
  document.addEventListener(type, () => {
    document.body.classList.add("active");
    clearTimeout(hideTimer);
    hideTimer = setTimeout(() => document.body.classList.remove("active"), CONTROLS_VISIBLE_TIME);
  });
}
