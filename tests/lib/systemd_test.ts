import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { notifyReady } from "../../lib/sockets/mod.ts";
import { needing, PYTHON } from "../parts.ts";
import { Server } from "../server.ts";

/** Does what systemd does: says where it listens, then what it was told. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace("@", chr(0)))
receiver.settimeout(20)
print("listening", flush=True)
print(receiver.recv(100).decode(), flush=True)
`;

/** Runs \`tell\` while systemd listens. @returns What systemd heard. */
async function heard(address: string, tell: () => Promise<void> | void): Promise<string> {
  const child = new Deno.Command(PYTHON, {
    args: ["-c", RECEIVER, address],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (text === "") await tell();
    text += piece;
  }
  await child.status;
  return text;
}

/** Where there is no Linux there is no systemd, and nobody to be told. */
const SYSTEMD = Deno.build.os === "linux" ? needing(PYTHON) : { ignore: true };

Deno.test(
  "systemd hears that the server is ready, by a path or an abstract name",
  SYSTEMD,
  async () => {
    const folder = await Deno.makeTempDir();
    const name = `@dinocam-${crypto.randomUUID()}`;
    for (const address of [join(folder, "notify"), name]) {
      let told;
      const text = await heard(address, () => void (told = notifyReady(address)));
      assertEquals([told, text], [true, "listening\nREADY=1\n"]);
    }
    assertEquals(notifyReady(join(folder, "nobody")), false);
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test("the server tells systemd once it listens", SYSTEMD, async () => {
  const address = `@dinocam-${crypto.randomUUID()}`;
  const text = await heard(address, async () => {
    await using server = await Server.start({ env: { NOTIFY_SOCKET: address } });
    await server.stop();
  });
  assertEquals(text, "listening\nREADY=1\n");
});
