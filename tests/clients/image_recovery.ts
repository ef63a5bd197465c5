import { assert, assertEquals, assertLess } from "@std/assert";
import { systemClock } from "../../lib/clock.ts";
import { needing, PYTHON } from "../parts.ts";
import { ROOT, Server } from "../server.ts";
import { standIn } from "../stand_in.ts";
import * as browsers from "./browsers.ts";

/** Maximum time from the server's restart until the image shows pictures again, in milliseconds. */
const MAX_RECOVERY_TIME = 20_000;

/** Returns the README's example, with the address of a server. */
async function readExample(server: string): Promise<string> {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const section = /^#+ Keep an image alive on your own page$[^]*?^```html\n([^]*?)^```$/m.exec(
    readme,
  );
  assert(section, "README.md has no section on images");
  const example = section[1]!.replace("http://192.168.1.20:8000", server);
  assert(example.includes(server), example);
  return example;
}

const programs = {
  Chromium: { needed: browsers.CHROMIUM, open: () => browsers.openChromium() },
  Firefox: { needed: browsers.FIREFOX, open: browsers.openFirefox },
  WebKit: { needed: browsers.WEBKIT, open: browsers.openWebKit },
};

for (const [name, { needed, open }] of Object.entries(programs)) {
  Deno.test(
    `${name} shows an image on another server's page again after a restart, with the README's lines`,
    needing(PYTHON, ...needed),
    async () => {
      const port = browsers.freePort();
      const env = standIn({ PORT: `${port}`, FPS: "5" });
      const example = await readExample(`http://127.0.0.1:${port}`);
      await using ownSite = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () =>
          new Response(`<!DOCTYPE html>${example}`, { headers: { "Content-Type": "text/html" } }),
      );
      await using browser = await open();
      /** Waits until the server counts the page as a viewer, and the image has a picture. */
      const untilShown = async () => {
        for (const start = performance.now();;) {
          const [camera] = await (await fetch(`http://127.0.0.1:${port}/cameras`)).json();
          const width = await browser.evaluate<number>(
            `document.querySelector("img")?.naturalWidth ?? 0`,
          );
          if (camera.viewers === 1 && width === 320) return performance.now() - start;
          assertLess(performance.now() - start, MAX_RECOVERY_TIME, `${name}: ${width} px wide`);
          await systemClock.sleep(100);
        }
      };
      {
        await using _server = await Server.start({ env });
        await browser.goTo(`http://127.0.0.1:${ownSite.addr.port}/`);
        await untilShown();
        await systemClock.sleep(2_500); // a check by the script changes nothing
        const address = await browser.evaluate<string>(`document.querySelector("img").src`);
        assertEquals(address, `http://127.0.0.1:${port}/video_feed`);
      }
      const times: number[] = [];
      {
        // At once, as after a crash.
        await using server = await Server.start({ env });
        times.push(await untilShown());
        await server.stop("SIGKILL");
      }
      await systemClock.sleep(5_000); // attempts fail
      {
        await using _server = await Server.start({ env });
        times.push(await untilShown());
      }
      console.log(
        `${name}: again after ${times.map((ms) => `${Math.round(ms)} ms`).join(" and ")}`,
      );
    },
  );
}
