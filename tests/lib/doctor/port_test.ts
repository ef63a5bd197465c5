import { assertEquals } from "@std/assert";
import { checkPort } from "../../../lib/doctor/port.ts";
import { listen } from "../../../lib/http/serve.ts";
import { leftOut } from "../../parts.ts";
import { silentLog } from "../../silent.ts";

const HOST = "127.0.0.1";
const OPTIONS = {
  host: HOST,
  port: 0,
  sendQueue: "short",
  tls: undefined,
  log: silentLog,
} as const;
const ON_LINUX = Deno.build.os === "linux" ? {} : leftOut("Linux");

for (const reusePort of [true, false]) {
  Deno.test(
    `checkPort() with REUSE_PORT beside a server ${reusePort ? "with" : "without"} it`,
    ON_LINUX,
    async () => {
      await using server = listen({ ...OPTIONS, reusePort });
      server.handle(() => new Response("", { headers: { Server: "dinocam" } }));
      const { port } = server;
      assertEquals(
        await checkPort({ host: HOST, port, reusePort: true }),
        reusePort
          ? {
            verdict: "ok",
            text: `Port ${port} on ${HOST} is free, or shared by servers with REUSE_PORT=on`,
          }
          : {
            verdict: "note",
            text: `dinocam is already running on port ${port}`,
            advice: "to start another on this port, set REUSE_PORT=on for that one, too",
          },
      );
    },
  );
}
