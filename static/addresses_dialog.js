// @ts-check
/// <reference lib="dom" />
import { addressesOf, copyText, noteOnAddresses } from "./addresses.js";
import { element } from "./dom.js";

/** How long a copy button shows the result, in milliseconds. */
const RESULT_TIME = 2_000;

/** Opens the dialog with the addresses of these cameras. @param {string[]} cameras */
export function showAddresses(cameras) {
  element("#addresses .list").replaceChildren(...cameras.flatMap((camera) => {
    const heading = document.createElement("h3");
    heading.textContent = camera;
    return [heading, ...addressesOf(camera).map(createEntry)];
  }));
  element("#addresses .note").textContent = noteOnAddresses();
  /** @type {HTMLDialogElement} */ (element("#addresses")).showModal();
}

/** @param {import("./addresses.js").Address} address */
function createEntry({ title, text, hint }) {
  const template = /** @type {HTMLTemplateElement} */ (element("#address"));
  const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const entry = /** @type {HTMLElement} */ (fragment.firstElementChild);
  element(".title", entry).textContent = title;
  element("small", entry).textContent = hint ?? "";
  /** @type {HTMLInputElement} */ (element("input", entry)).value = text;
  element("button", entry).setAttribute("aria-label", `Copy: ${title}`);
  return entry;
}

/** Copies the address beside a copy button. @param {HTMLElement} button */
export async function copyAddress(button) {
  const field = button.closest(".address")?.querySelector("input");
  if (!field) return;
  try {
    await copyText(field.value, field);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => button.textContent = "Copy", RESULT_TIME);
}
