// @ts-check
/// <reference lib="dom" />

const TURN = "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.3M20 4v5.3h-5.3";
const TURN_BACK = "M4.5 12a7.5 7.5 0 1 0 2.2-5.3L4 9.3M4 4v5.3h5.3";
const LINK =
  "m10 14 4-4M8.5 11 6 13.5a3.2 3.2 0 0 0 4.5 4.5l2.5-2.5M15.5 13l2.5-2.5A3.2 3.2 0 0 0 13.5 6L11 8.5";
const MINUS = "M5.5 12h13";
const LOUDSPEAKER = "M4 9.5v5h3.5l4.5 4v-13l-4.5 4z";
const PLUS = "M5.5 12h13M12 5.5v13";

/** Paths of the icons in a square of 24, by action; of a toggle button also when it is pressed. */
const ICONS = {
  addresses: [LINK],
  mask: ["M4 5h16v14H4zM12 5v7H4M4 9l4-4M5 12l7-7M9 12l3-3"],
  help: [
    "M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0M9.7 9.8a2.4 2.4 0 1 1 3.6 2.1c-.9.5-1.3 1-1.3 2M12 16.7v.1",
  ],
  pause: ["M8.5 5v14M15.5 5v14", "M7.5 4.8v14.4L19 12z"],
  snapshot: ["M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM8.7 13a3.3 3.3 0 1 0 6.6 0a3.3 3.3 0 1 0-6.6 0"],
  rotate: [TURN],
  mirror: ["M12 4v16M9 7.5 3.5 17H9zM15 7.5l5.5 9.5H15z"],
  zoomOut: [MINUS],
  zoomIn: [PLUS],
  fullscreen: [
    "M4.5 9.5v-5h5M14.5 4.5h5v5M19.5 14.5v5h-5M9.5 19.5h-5v-5",
    "M9.5 4.5v5h-5M19.5 9.5h-5v-5M14.5 19.5v-5h5M4.5 14.5h5v5",
  ],
  back: [`${TURN_BACK}M10 10v5M13 10.5h2.5v4H13z`],
  forward: [`${TURN}M9 10v5M12 10.5h2.5v4H12z`],
  stepBack: ["M14.5 6v12l-8-6zM18 6v12"],
  stepForward: ["M9.5 6v12l8-6zM6 6v12"],
  sound: [
    `${LOUDSPEAKER}M16 9.5l5 5M21 9.5l-5 5`,
    `${LOUDSPEAKER}M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11`,
  ],
  mark: ["M7 4.5h10v15l-5-4-5 4z"],
  clip: ["M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14"],
  copyMoment: [LINK],
  timelineOut: [MINUS],
  timelineIn: [PLUS],
};

/** Adds the icons and labels of the controls, and the headers of the dialogs. @param {ParentNode} root */
export function labelControls(root) {
  for (const dialog of root.querySelectorAll("dialog")) {
    const header = `<h2>${dialog.getAttribute("aria-label")}</h2><button title="Close">×</button>`;
    dialog.insertAdjacentHTML("afterbegin", `<form method="dialog">${header}</form>`);
  }
  for (const control of root.querySelectorAll(":is(button, input, select, progress)[title]")) {
    const { title, dataset, textContent } = /** @type {HTMLElement} */ (control);
    control.setAttribute("aria-label", title.replace(/ \(.*\)$/, "")); // without the key
    const paths = ICONS[/** @type {keyof typeof ICONS} */ (dataset.action)];
    if (!paths || textContent) continue;
    const icon = paths.map((path) => `<path d="${path}"/>`).join("");
    control.innerHTML = `<svg viewBox="0 0 24 24">${icon}</svg>`;
  }
}
