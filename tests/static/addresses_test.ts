import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readPages } from "../../lib/http/page_routes.ts";
import { PROTOCOL_VERSION, type ServerInfo } from "../../lib/live/mod.ts";
import {
  addressesOf,
  baseAddresses,
  isLoopback,
  notesOnAddresses,
} from "../../static/addresses.js";
import { Browser, CHROMIUM } from "../browser.ts";
import { needing } from "../parts.ts";
import { STATUS, StubServer } from "./stub_server.ts";

/** A server that listens on all network interfaces and requires a password. */
const NETWORK = {
  addresses: ["http://192.168.1.20:8000", "http://[fd00::20]:8000"],
  auth: true,
  reachable: "network" as const,
};
/** A server that listens on the loopback interface only. */
const LOCAL = { addresses: [], auth: false, reachable: "this machine" as const };

/** Runs `test` as on a page at `baseURI`. */
function onPage(baseURI: string, test: () => void): void {
  Object.assign(globalThis, { document: { baseURI } });
  try {
    test();
  } finally {
    Reflect.deleteProperty(globalThis, "document");
  }
}

Deno.test("addressesOf resolves addresses against the page, without its password", () => {
  const page = { baseURI: "https://me:secret@home.example/cams/?x=1#back" };
  Object.assign(globalThis, { document: page });
  try {
    const texts = addressesOf("front").map(({ text }) => text);
    assertEquals(texts.slice(0, 3), [
      "https://home.example/cams/cameras/front/video_feed",
      "https://home.example/cams/cameras/front/snapshot.jpg",
      "https://home.example/cams/cameras/front/video_feed?advance_headers=1",
    ]);
    assertEquals(texts.filter((text) => text.includes("secret")), []);
  } finally {
    Reflect.deleteProperty(globalThis, "document");
  }
});

Deno.test("addressesOf has a place for the password in each address, under AUTH", () => {
  const base = "http://192.168.1.20:8000/";
  const addresses = addressesOf("front", { base, auth: true });
  for (const { text } of addresses) assertStringIncludes(text, "USER:PASSWORD");
  assertEquals(
    addresses.map(({ text }) => text).filter((text) => !text.startsWith("curl")).every(
      (text) => text.includes("http://USER:PASSWORD@192.168.1.20:8000/cameras/front/"),
    ),
    true,
  );
  assertEquals(
    addresses.at(-1)!.text,
    "curl -u USER:PASSWORD -o front.jpg http://192.168.1.20:8000/cameras/front/snapshot.jpg",
  );
  const open = addressesOf("front", { base, auth: false });
  assertEquals(open.filter(({ text }) => text.includes("PASSWORD")), []);
  assertEquals(open.length, addresses.length);
});

Deno.test("addressesOf has addresses with sound only for a camera with a microphone", () => {
  const base = "http://192.168.1.20:8000/";
  const paths = (options: object) =>
    addressesOf("front", { base, ...options }).map(({ text }) => text)
      .filter((text) => /audio|av\./.test(text));
  assertEquals(paths({}), []);
  assertEquals(paths({ sound: true }), [
    `${base}cameras/front/av.mkv`,
    `${base}cameras/front/audio.wav`,
  ]);
  for (const text of paths({ sound: true, auth: true })) {
    assertStringIncludes(text, "//USER:PASSWORD@192");
  }
});

Deno.test("addressesOf asks for smaller pictures by their height, but not for smaller sound", () => {
  const base = "http://192.168.1.20:8000/";
  const addresses = addressesOf("front", { base, auth: true, sound: true, height: "360" });
  const texts = new Map(addresses.map(({ title, text }) => [title, text]));
  const folder = "http://USER:PASSWORD@192.168.1.20:8000/cameras/front";
  assertEquals(texts.get("Picture and sound"), `${folder}/av.mkv?height=360`);
  assertEquals(texts.get("Sound"), `${folder}/audio.wav`);
  assertEquals(texts.get("Snapshot"), `${folder}/snapshot.jpg?height=360`);
  assertEquals(texts.get("Home Assistant"), `${folder}/video_feed?advance_headers=1&height=360`);
  // Some shells take a question mark for a pattern.
  assertEquals(texts.get("VLC"), `vlc '${folder}/video_feed?height=360'`);
  assertMatch(texts.get("Save a picture with curl")!, / 'http:[^']+snapshot\.jpg\?height=360'$/);
});

Deno.test("baseAddresses lists the page's own address first, unless it is a loopback address", () => {
  onPage("http://localhost:8000/", () => {
    assertEquals(baseAddresses(undefined), ["http://localhost:8000/"]);
    assertEquals(baseAddresses(NETWORK), [
      "http://192.168.1.20:8000/",
      "http://[fd00::20]:8000/",
      "http://localhost:8000/",
    ]);
    assertEquals(baseAddresses({ ...NETWORK, addresses: ["no address"] }).length, 1);
  });
  onPage("https://me:secret@home.example/cams/?x=1#back", () => {
    assertEquals(baseAddresses(NETWORK).slice(0, 2), [
      "https://home.example/cams/",
      "http://192.168.1.20:8000/",
    ]);
  });
  onPage("http://192.168.1.20:8000/", () => {
    assertEquals(baseAddresses(NETWORK).length, 2);
  });
});

Deno.test("isLoopback recognizes the names and addresses of this machine", () => {
  const hosts = ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "192.168.1.20", "127.example"];
  assertEquals(
    hosts.map((host) => isLoopback(`http://${host}:8000/`)),
    [true, true, true, true, false, false],
  );
});

Deno.test("notesOnAddresses says how to allow other devices, and what protects the server", () => {
  const notes = (base: string, server: ServerInfo | undefined) =>
    notesOnAddresses(base, server && { ...server, addresses: [...server.addresses] }).join(" ");
  const local = notes("http://localhost:8000/", LOCAL);
  assertMatch(local, /this machine only.*HOST=0\.0\.0\.0 AUTH=user:password/);
  const loopback = notes("http://localhost:8000/", NETWORK);
  assertMatch(loopback, /this machine only\. Replace USER and PASSWORD/);
  assertMatch(notes("http://192.168.1.20:8000/", NETWORK), /^Replace USER and PASSWORD.*%40/);
  const open = notes("http://192.168.1.20:8000/", { ...NETWORK, auth: false });
  assertMatch(open, /requires no password: everyone/);
  assertEquals(notes("https://home.example/", LOCAL), "");
});

Deno.test("Addresses dialog in Chromium", needing(CHROMIUM), async (t) => {
  await using browser = await Browser.start();
  const pages = readPages("static");
  const serve = (server?: ServerInfo, status = {}) =>
    new StubServer(pages, () => [
      JSON.stringify({
        ...{ type: "hello", version: PROTOCOL_VERSION, now: Date.now() },
        ...{ cameras: [{ ...STATUS, ...status }], server },
      }),
    ]);
  const TEXTS = `[...document.querySelectorAll("#addresses input")].map(({ value }) => value)`;
  const QR_IS_VISIBLE = `document.querySelector("#qr").checkVisibility()`;

  await t.step("it shows the server's addresses with a place for the password", async () => {
    await using server = serve(NETWORK);
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(`document.querySelector(".tile") !== null`);
    await page.press("a");
    const texts = await page.eval<string[]>(TEXTS);
    for (const text of texts) {
      assertMatch(text, /USER:PASSWORD/);
      assertMatch(text, /192\.168\.1\.20:8000\/cameras\/front\//);
    }
    assertEquals(await page.eval(QR_IS_VISIBLE), true);
    assertStringIncludes(
      await page.eval(`document.querySelector(".phone").innerText`),
      "http://192.168.1.20:8000/",
    );
    // Another address of the server.
    await page.eval(`(() => {
      const select = document.querySelector("#addresses select");
      select.value = "http://[fd00::20]:8000/";
      select.dispatchEvent(new Event("change"));
    })()`);
    const [stream] = await page.eval<string[]>(TEXTS);
    assertEquals(stream, "http://USER:PASSWORD@[fd00::20]:8000/cameras/front/video_feed");
    assertEquals(page.errors, []);
  });

  await t.step("it says how to open the server to the network, without a QR code", async () => {
    await using server = serve(LOCAL);
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(`document.querySelector(".tile") !== null`);
    await page.press("a");
    const texts = await page.eval<string[]>(TEXTS);
    assert(texts.every((text) => text.includes(`${server.url}/cameras/front/`)));
    assertMatch(
      await page.eval(`document.querySelector("#addresses").innerText`),
      /this machine only[^]*HOST=0\.0\.0\.0 AUTH=user:password/,
    );
    assertEquals(await page.eval(QR_IS_VISIBLE), false);
  });

  await t.step("its addresses are of smaller pictures, if the user wants them", async () => {
    await using server = serve(LOCAL, { heights: [90, 180, 360, 720] });
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(`document.querySelector(".tile") !== null`);
    await page.press("a");
    const options =
      `[...document.querySelectorAll("#addresses .size option")].map(({ value }) => value)`;
    assertEquals(await page.eval(options), ["", "360", "180", "90"]);
    assertEquals((await page.eval<string[]>(TEXTS)).filter((text) => text.includes("height")), []);
    await page.eval(`(() => {
      const select = document.querySelector("#addresses .size select");
      select.value = "360";
      select.dispatchEvent(new Event("change"));
    })()`);
    const texts = await page.eval<string[]>(TEXTS);
    assertEquals(texts.filter((text) => !/[?&]height=360\b/.test(text)), []);
    assertEquals(page.errors, []);
  });

  await t.step("it works with a server that does not send its addresses", async () => {
    await using server = serve();
    await using page = await browser.newPage();
    await page.goto(server.url);
    await page.until(`document.querySelector(".tile") !== null`);
    await page.press("a");
    assertEquals((await page.eval<string[]>(TEXTS)).length, 8);
    assertEquals(
      await page.eval(`document.querySelector("#addresses .size").checkVisibility()`),
      false,
    );
    assertEquals(page.errors, []);
  });
});

Deno.test(
  "a phone reads the page's address from the QR code, also in dark and forced colours",
  needing(CHROMIUM, "zbarimg"),
  async () => {
    await using browser = await Browser.start();
    const pages = readPages("static");
    await using server = new StubServer(pages, () => [
      JSON.stringify({
        ...{ type: "hello", version: PROTOCOL_VERSION, now: Date.now() },
        ...{ cameras: [STATUS], server: NETWORK },
      }),
    ]);
    await using page = await browser.newPage();
    const file = await Deno.makeTempFile({ suffix: ".png" });
    try {
      for (
        const features of [
          [],
          [{ name: "prefers-color-scheme", value: "dark" }],
          [{ name: "forced-colors", value: "active" }],
        ]
      ) {
        await page.send("Emulation.setEmulatedMedia", { features });
        await page.goto(server.url);
        await page.until(`document.querySelector(".tile") !== null`);
        await page.press("a");
        await Deno.writeFile(file, await page.screenshot());
        const { stdout } = await new Deno.Command("zbarimg", {
          args: ["--quiet", "--raw", "--nodbus", file],
          stderr: "null",
        }).output();
        assertEquals(new TextDecoder().decode(stdout).trim(), "http://192.168.1.20:8000/");
      }
    } finally {
      await Deno.remove(file);
    }
  },
);
