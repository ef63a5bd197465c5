import { assertEquals } from "@std/assert";
import { Browser, CHROMIUM, type Page } from "./browser.ts";
import { needing } from "./parts.ts";
import { Server } from "./server.ts";

/**
 * Fetches a snapshot from within a page.
 *
 * @returns Status, type and first two bytes, as far as the page can read them.
 */
function fetchSnapshot(page: Page, server: Server, credentials?: string): Promise<unknown[]> {
  const headers = credentials === undefined ? {} : { Authorization: `Basic ${btoa(credentials)}` };
  return page.eval(`
    fetch("${server.url}/snapshot.jpg", { headers: ${JSON.stringify(headers)} })
      .then(async ({ status, headers, body }) => {
        const bytes = new Uint8Array(await new Response(body).arrayBuffer());
        return [status, headers.get("Content-Type"), ...bytes.subarray(0, 2)];
      }).catch(({ name }) => [name])
  `);
}

Deno.test(
  "a page of another origin fetches a snapshot with a password, if ALLOW_ORIGIN names its origin",
  needing(CHROMIUM),
  async () => {
    await using site = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("<!DOCTYPE html><title>site</title>", { headers: HTML }),
    );
    const origin = `http://127.0.0.1:${site.addr.port}`;
    const AUTH = "me:secret";
    await using server = await Server.start({ env: { AUTH, ALLOW_ORIGIN: origin } });
    await using other = await Server.start({ env: { AUTH, ALLOW_ORIGIN: "http://other.example" } });
    await using closed = await Server.start({ env: { AUTH } });
    await using browser = await Browser.start();
    await using page = await browser.newPage();
    await page.goto(origin);
    assertEquals(await fetchSnapshot(page, server, AUTH), [200, "image/jpeg", 0xff, 0xd8]);
    // A page of an allowed origin can read why it gets no snapshot.
    const [status] = await fetchSnapshot(page, server, "me:wrong");
    assertEquals(status, 401);
    // Other servers' responses are hidden from it.
    assertEquals(await fetchSnapshot(page, other, AUTH), ["TypeError"]);
    assertEquals(await fetchSnapshot(page, closed, AUTH), ["TypeError"]);
  },
);

const HTML = { "Content-Type": "text/html" };
