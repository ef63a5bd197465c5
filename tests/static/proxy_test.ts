import { assertEquals, assertStringIncludes } from "@std/assert";
import { Browser, CHROMIUM, type Page } from "../browser.ts";
import { makeCertificate } from "../certificate.ts";
import { Nginx } from "../nginx.ts";
import { needing, PYTHON } from "../parts.ts";
import { Server } from "../server.ts";
import { recordPictures, standIn } from "../stand_in.ts";

/**
 * Asserts that the page paints frames from the WebSocket, not the plain stream, and that it has no
 * errors.
 */
async function assertLive(page: Page): Promise<void> {
  await page.until("seen.length > 10");
  await page.until(`document.querySelector("[data-state=live]") !== null`);
  assertEquals(await page.eval(`document.querySelector("#plain-stream").hidden`), true);
  assertEquals(await page.eval(`document.querySelector("img.picture")`), null);
  assertEquals(page.errors, []);
}

Deno.test(
  "the page works behind nginx below a path prefix, over HTTPS and with a password",
  needing(CHROMIUM, PYTHON, "nginx", "openssl"),
  async () => {
    await using tls = await makeCertificate();
    await using server = await Server.start({ env: standIn({ AUTH: "me:secret" }) });
    await using nginx = await Nginx.start({
      tls,
      server: `location /garden/cam/ {
        proxy_pass ${server.url}/;
        proxy_http_version 1.1;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
      }`,
    });
    await using browser = await Browser.start();
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(`${nginx.url.replace("://", "://me:secret@")}/garden/cam/`);
    await assertLive(page);
    // The browser also sends the password with the page's HTTP requests.
    const { status } = await page.eval(`
      import("./static/addresses.js").then(({ addressOf }) => fetch(addressOf("cameras")))
        .then(({ status }) => ({ status }))
    `);
    assertEquals(status, 200);
    await page.press("a");
    const stream = await page.eval<string>(`document.querySelector("#addresses input").value`);
    const base = nginx.url.replace("://", "://USER:PASSWORD@"); // a placeholder, not the password
    assertStringIncludes(stream, `${base}/garden/cam/cameras/front/video_feed`);
  },
);

Deno.test(
  "the page works over the server's own HTTPS",
  needing(CHROMIUM, PYTHON, "openssl"),
  async () => {
    await using tls = await makeCertificate();
    const env = standIn({ TLS_CERT: tls.cert, TLS_KEY: tls.key });
    await using server = await Server.start({ env });
    assertStringIncludes(server.url, "https://");
    await using browser = await Browser.start();
    await using page = await browser.newPage();
    await recordPictures(page);
    await page.goto(server.url);
    await assertLive(page);
  },
);
