// @ts-check
import { addressesOf, baseAddresses, isLoopback, notesOnAddresses } from "./addresses.js";
import { element, fromTemplate, list, openDialog } from "./dom.js";
import { encodeQr } from "./qr.js";

/** How long a copy button shows the result. */
const RESULT_TIME = 2_000;

/** Light margin around a QR code, in modules. */
const QR_MARGIN = 4;

/** @typedef {import("./live.js").CameraStatus} CameraStatus */
/** @typedef {import("./live.js").ServerInfo} ServerInfo */

/** Opens the dialog with addresses. @param {CameraStatus[]} cameras @param {ServerInfo | undefined} server */
export function showAddresses(cameras, server) {
  const bases = baseAddresses(server);
  const select = list("#addresses select");
  select.replaceChildren(...bases.map((base) => new Option(base, base)));
  element("#addresses .base").hidden = bases.length < 2;
  const update = () => showBase(select.value, cameras, server);
  select.onchange = update;
  update();
  openDialog("#addresses");
}

/** @param {string} base @param {CameraStatus[]} cameras @param {ServerInfo | undefined} server */
function showBase(base, cameras, server) {
  const auth = server?.auth ?? false;
  element("#addresses .list").replaceChildren(...cameras.flatMap(({ name, sound }) => {
    const heading = document.createElement("h3");
    heading.textContent = name;
    return [heading, ...addressesOf(name, { base, auth, sound: Boolean(sound) }).map(createEntry)];
  }));
  element("#addresses .note").textContent = notesOnAddresses(base, server).join(" ");
  const code = isLoopback(base) ? undefined : encodeQr(base);
  element("#addresses .phone").hidden = code === undefined;
  element("#addresses .page-address").textContent = base;
  if (code) drawQr(code);
}

/** @param {boolean[][]} code */
function drawQr(code) {
  const size = code.length + 2 * QR_MARGIN;
  element("#qr").setAttribute("viewBox", `${-QR_MARGIN} ${-QR_MARGIN} ${size} ${size}`);
  const modules = code.flatMap((row, y) =>
    row.flatMap((dark, x) => dark ? [`M${x} ${y}h1v1h-1z`] : [])
  );
  element("#qr path").setAttribute("d", modules.join(""));
}

/** @param {import("./addresses.js").Address} address */
function createEntry({ title, text, hint }) {
  const entry = fromTemplate("#address");
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
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  } catch {
    // Without HTTPS there is no clipboard, but a page may copy its selection.
    field.select();
    button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  }
  setTimeout(() => button.textContent = "Copy", RESULT_TIME);
}
