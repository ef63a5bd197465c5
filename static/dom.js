// @ts-check
/// <reference lib="dom" />

/** How long a toast stays on the page. */
const TOAST_TIME = 4_000;
/** How long a saved file stays in memory, so that the browser can read it. */
const DOWNLOAD_TIME = 10_000;

/** Finds an element that is always there. @param {string} selector */
export function element(selector, within = /** @type {ParentNode} */ (document)) {
  return /** @type {HTMLElement} */ (within.querySelector(selector));
}

/** @param {string} selector */
export function field(selector) {
  return /** @type {HTMLInputElement} */ (element(selector));
}

/** @param {string} selector */
export function list(selector) {
  return /** @type {HTMLSelectElement} */ (element(selector));
}

/** Copies the element in a template. @param {string} selector */
export function fromTemplate(selector) {
  const { content } = /** @type {HTMLTemplateElement} */ (element(selector));
  return /** @type {HTMLElement} */ (content.firstElementChild?.cloneNode(true));
}

/** @param {string} selector */
export function openDialog(selector) {
  /** @type {HTMLDialogElement} */ (element(selector)).showModal();
}

/**
 * Makes these elements the children of another, in this order. Those that are its children already
 * stay where they are: they keep the keyboard focus, and what they play.
 *
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} elements In the order of before, apart from new ones.
 */
export function arrange(parent, elements) {
  for (const child of [...parent.children]) {
    if (!elements.includes(/** @type {HTMLElement} */ (child))) child.remove();
  }
  for (const [i, element] of elements.entries()) {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  }
}

/** Finds the button of an action. @param {string} action */
export function button(action) {
  return /** @type {HTMLButtonElement} */ (element(`button[data-action=${action}]`));
}

/** Sets the state of a toggle button. @param {string} action @param {boolean} pressed */
export function setPressed(action, pressed) {
  button(action).setAttribute("aria-pressed", `${pressed}`);
}

/** Sets an element's text, if it has changed. @param {HTMLElement} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Returns how far a wheel was turned, in pixels: some wheels scroll in lines. @param {WheelEvent} event */
export function wheelDelta({ deltaMode, deltaX, deltaY }) {
  const pixels = deltaMode === 1 ? 30 : 1;
  return { x: deltaX * pixels, y: deltaY * pixels };
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** Shows a short message for a few seconds. @param {string} text */
export function toast(text) {
  element("#toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => element("#toast").textContent = "", TOAST_TIME);
}

/** Saves a file in the browser's folder for downloads. @param {Blob} file @param {string} name */
export function saveFile(file, name) {
  const address = URL.createObjectURL(file);
  saveAddress(address, name);
  setTimeout(() => URL.revokeObjectURL(address), DOWNLOAD_TIME);
}

/** Has the browser download an address, with its own progress. @param {string} address @param {string} name */
export function saveAddress(address, name) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.click();
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : `${error}`;
}
