import { assert, assertEquals } from "@std/assert";
import { Authenticator } from "../../../lib/auth/mod.ts";
import { systemClock } from "../../../lib/clock.ts";
import { README } from "../../readme.ts";
import { silentLog } from "../../silent.ts";
import { setUp } from "./fake_source.ts";
import { createServerApp } from "./server_app.ts";

/** The server's app with a password, and the paths of its routes. */
function setUpRoutes() {
  const { camera } = setUp();
  const dependencies = { clock: systemClock, log: silentLog };
  const authenticator = new Authenticator({ user: "me", password: "x" }, dependencies);
  const app = createServerApp({ cameras: [camera], authenticator });
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  return { app, routes };
}

Deno.test("the README names every route", () => {
  const { routes } = setUpRoutes();
  const [, section] = /^## Routes\n([^]*?)^## /m.exec(README)!;
  const undocumented = ["/favicon.ico", "/static/:name"]; // parts of the page
  for (const { path } of routes) {
    if (undocumented.includes(path)) continue;
    assert(section!.includes(`\`${path.replace(":name", "NAME")}`), path);
  }
});

Deno.test("every route but /healthz requires the password", async () => {
  const { app, routes } = setUpRoutes();
  assert(routes.length > 10);
  for (const { method, path } of routes) {
    const response = await app.request(path.replace(":name", "front"), { method });
    await response.body?.cancel();
    assertEquals([method, path, response.status], [method, path, path === "/healthz" ? 200 : 401]);
  }
});
