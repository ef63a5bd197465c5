// @ts-check
/// <reference lib="dom" />

/** How long a toast stays on the page, in milliseconds. */
const TOAST_TIME = 4_000;

/**
 * Finds an element that is always there.
 *
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement}
 */
export function element(selector, within = document) {
  return /** @type {HTMLElement} */ (within.querySelector(selector));
}

/** Finds the button of an action. @param {string} action @returns {HTMLButtonElement} */
export function button(action) {
  return /** @type {HTMLButtonElement} */ (element(`button[data-action=${action}]`));
}

/** Sets the state of a toggle button. @param {string} action @param {boolean} pressed */
export function setPressed(action, pressed) {
  button(action).setAttribute("aria-pressed", `${pressed}`);
}

/**
 * Sets an element's text; writes to the page only if the text has changed.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** Shows a short message for a few seconds. @param {string} text */
export function toast(text) {
  element("#toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => element("#toast").textContent = "", TOAST_TIME);
}
