import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { notifyReady } from "../../lib/systemd.ts";
import { leftOut, needing, PYTHON } from "../parts.ts";
import { Server } from "../server.ts";

/** Receives a notification as systemd does: prints "listening", then the message. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace("@", chr(0)))
receiver.settimeout(20)
print("listening", flush=True)
print(receiver.recv(100).decode(), flush=True)
`;

/** systemd exists on Linux only. */
const SYSTEMD = Deno.build.os === "linux" ? needing(PYTHON) : leftOut("Linux, as systemd does");

Deno.test("notifyReady notifies systemd at a path or an abstract address", SYSTEMD, async () => {
  const folder = await Deno.makeTempDir();
  for (const address of [join(folder, "notify"), abstractAddress()]) {
    let notified;
    const output = await receive(address, () => void (notified = notifyReady(address)));
    assertEquals([notified, output], [true, "listening\nREADY=1\n"]);
  }
  assertEquals(notifyReady(join(folder, "missing")), false);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "notifyReady returns false without the permission, and never prompts",
  permissions: "none",
  fn: () => assertEquals(notifyReady("@dinocam"), false),
});

Deno.test("the server notifies systemd once it listens", SYSTEMD, async () => {
  const address = abstractAddress();
  const output = await receive(address, async () => {
    await using server = await Server.start({ env: { NOTIFY_SOCKET: address } });
    await server.stop();
  });
  assertEquals(output, "listening\nREADY=1\n");
});

function abstractAddress(): string {
  return `@dinocam-${crypto.randomUUID()}`;
}

/** Runs `notify` while the receiver listens. @returns The receiver's output. */
async function receive(address: string, notify: () => Promise<void> | void): Promise<string> {
  const child = new Deno.Command(PYTHON, {
    args: ["-c", RECEIVER, address],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (output === "") await notify();
    output += text;
  }
  await child.status;
  return output;
}
