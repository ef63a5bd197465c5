// @ts-check
import { addressesOf, baseAddresses, isLoopback, notesOnAddresses } from "./addresses.js";
import { arrange, element, fromTemplate, list, openDialog } from "./dom.js";
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
  const sizes = list("#addresses .size select");
  const smaller = new Set(cameras.flatMap(({ heights = [] }) => heights.slice(0, -1)));
  const heights = [...smaller].sort((a, b) => b - a);
  sizes.replaceChildren(
    new Option("As the camera sends them", ""),
    ...heights.map((height) => new Option(`${height} pixels high`, `${height}`)),
  );
  element("#addresses .size").hidden = heights.length === 0;
  const update = () => {
    sections = new Map();
    updateAddresses(cameras, server);
    showBase(select.value, server);
  };
  select.onchange = sizes.onchange = update;
  openDialog("#addresses");
  update();
}

/** The addresses of each camera in the dialog, by name. @type {Map<string, HTMLElement>} */
let sections = new Map();

/** Adds and removes cameras while the dialog is open. @param {CameraStatus[]} cameras @param {ServerInfo | undefined} server */
export function updateAddresses(cameras, server) {
  if (!element("#addresses[open]")) return;
  const base = list("#addresses select").value;
  const auth = server?.auth ?? false;
  const height = list("#addresses .size select").value;
  const shown = cameras.map(({ name, sound }) => {
    const known = sections.get(name);
    if (known) return known;
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = name;
    const addresses = addressesOf(name, { base, auth, sound: Boolean(sound), height });
    section.append(heading, ...addresses.map(createEntry));
    sections.set(name, section);
    return section;
  });
  arrange(element("#addresses .list"), shown);
}

/** @param {string} base @param {ServerInfo | undefined} server */
function showBase(base, server) {
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
