import { hostInUrl } from "../host.ts";
import { type Finding, problemOf } from "./finding.ts";

/** Timeout for the response of a server that listens on the port, in milliseconds. */
const RESPONSE_TIMEOUT = 1_000;

/** The address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Whether other servers of this user may listen there, too. @default {false} */
  readonly reusePort?: boolean;
}

/** Checks whether the server can listen, and whether dinocam is already listening. */
export async function checkPort(
  { host, port, reusePort = false }: ListenAddress,
): Promise<Finding> {
  try {
    Deno.listen({ hostname: host, port, reusePort }).close();
    const text = reusePort
      ? `Port ${port} on ${host} is free, or shared by servers with REUSE_PORT=on`
      : `Port ${port} is free on ${host}`;
    return { verdict: "ok", text };
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      if (await isDinocam({ host, port })) {
        const advice = reusePort
          ? "to start another on this port, set REUSE_PORT=on for that one, too"
          : "to start another, stop it first, or choose another PORT";
        return { verdict: "note", text: `dinocam is already running on port ${port}`, advice };
      }
      const advice = "stop that program, or choose another PORT";
      return { verdict: "problem", text: `Port ${port} is in use by another program`, advice };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      const advice = "choose a PORT above 1023";
      return { verdict: "problem", text: `Port ${port} requires more privileges`, advice };
    }
    return problemOf(`Cannot listen on ${host}, port ${port}`, error);
  }
}

/** Whether dinocam responds at an address: over HTTP, or over HTTPS with any certificate. */
async function isDinocam(address: ListenAddress): Promise<boolean> {
  const answers = await Promise.all([headOverHttp(address), headOverTls(address)]);
  return answers.some((head) => /^HTTP\/1\.[01] [^]*\r\nserver: dinocam$/im.test(head));
}

async function headOverHttp(address: ListenAddress): Promise<string> {
  const net = await import("node:net"); // only the doctor needs it
  return await readHead((onConnect) => net.connect(target(address), onConnect), address);
}

async function headOverTls(address: ListenAddress): Promise<string> {
  const tls = await import("node:tls");
  // Without `ca`, Deno would read the system's certificates, which needs a permission.
  const options = { ...target(address), rejectUnauthorized: false, ca: "" };
  return await readHead((onConnect) => tls.connect(options, onConnect), address);
}

/**
 * Returns the address at which a program on this machine reaches a server that listens on an
 * address.
 */
function target({ host, port }: ListenAddress): { host: string; port: number } {
  const anyAddress: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  return { host: anyAddress[host] ?? host, port };
}

/** A connection of `node:net` or `node:tls`. */
interface Connection {
  write(text: string): unknown;
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "error" | "close", listener: () => void): unknown;
  destroy(): unknown;
}

/** Requests `/healthz`. @returns The head of the response; empty if there is none in time. */
function readHead(
  connect: (onConnect: () => void) => Connection,
  address: ListenAddress,
): Promise<string> {
  const { host, port } = target(address);
  return new Promise((resolve) => {
    let head = "";
    const finish = () => {
      clearTimeout(timeout);
      connection.destroy();
      resolve(head.split("\r\n\r\n", 1)[0]!);
    };
    const timeout = setTimeout(finish, RESPONSE_TIMEOUT);
    const connection = connect(() =>
      connection.write(
        `GET /healthz HTTP/1.1\r\nHost: ${hostInUrl(host)}:${port}\r\nConnection: close\r\n\r\n`,
      )
    );
    connection.on("data", (bytes) => {
      head += new TextDecoder("latin1").decode(bytes);
      if (head.includes("\r\n\r\n") || head.length > 16_384) finish();
    });
    connection.on("error", finish);
    connection.on("close", finish);
  });
}
