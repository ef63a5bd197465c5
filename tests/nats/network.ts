import { leftOut, needing } from "../parts.ts";
import { inNamespace } from "./namespace.ts";

/** Interface of every host except the hub, which has one for each of them, with their names. */
const INTERFACE = "eth0";
/** Programs that make networks. */
const PROGRAMS = ["ip", "tc", "sh", "sysctl"];
/** Bytes that a limited link may send at once, and that may wait before it. */
const BURST = 32_000;
const QUEUE = 200_000;

/** Bits of the capabilities that make network namespaces and links. */
const CAPABILITIES = { CAP_NET_ADMIN: 1n << 12n, CAP_SYS_ADMIN: 1n << 21n };

/** Returns options for a test with network namespaces, which the system administrator can make. */
export function networking(...programs: string[]): { ignore: boolean } {
  if (Deno.build.os !== "linux" || !canMakeNamespaces()) {
    return leftOut("permission to make network namespaces");
  }
  return needing(...PROGRAMS, ...programs);
}

function canMakeNamespaces(): boolean {
  const status = Deno.readTextFileSync("/proc/self/status");
  const held = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? 0}`);
  return Object.values(CAPABILITIES).every((capability) => (held & capability) !== 0n);
}

/** A direction of a host's link. */
export type Direction = "up" | "down";

/** Bytes that have passed a host's link. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** A machine of a {@link TestNetwork}: a network namespace. */
export class TestHost {
  readonly name: string;
  /** Its address in the network. */
  readonly address: string;
  /** The hub's address on the link to this host. */
  readonly hubAddress: string;
  /** Name of its namespace. */
  readonly namespace: string;
  readonly #hub: string;

  constructor(name: string, number: number, namespaces: { own: string; hub: string }) {
    this.name = name;
    this.address = number === 0 ? "127.0.0.1" : `10.79.${number}.2`;
    this.hubAddress = number === 0 ? "127.0.0.1" : `10.79.${number}.1`;
    this.namespace = namespaces.own;
    this.#hub = namespaces.hub;
  }

  /** Returns the command that runs a program on this host. The process keeps its id. */
  command(...command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, ...command];
  }

  /** Connects from this host. */
  connect(port: number, hostname = "127.0.0.1"): Promise<Deno.TcpConn> {
    return inNamespace(this.namespace, () => Deno.connect({ hostname, port }));
  }

  /** Returns the body of a response on this host, whatever its status. */
  async get(path: string, port = 8000): Promise<string> {
    using connection = await this.connect(port);
    const request = `GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const text = await new Response(connection.readable).text();
    return text.slice(text.indexOf("\r\n\r\n") + 4);
  }

  /** Like {@link get}, for JSON. */
  async getJson<T>(path: string, port = 8000): Promise<T> {
    return JSON.parse(await this.get(path, port));
  }

  /** Limits a direction of the link. @param rate Bytes per second; by default unlimited. */
  async limit(direction: Direction, rate?: number): Promise<void> {
    await this.#shape(direction, rate && `rate ${rate * 8}bit burst ${BURST} limit ${QUEUE}`);
  }

  /** Makes all packets of the link vanish, in both directions; the hosts are not told. */
  async losePackets(): Promise<void> {
    const shape = "rate 8mbit burst 32kb limit 10"; // no packet has as little as 10 bytes
    for (const direction of ["up", "down"] as const) await this.#shape(direction, shape);
  }

  /** Ends {@link losePackets} and limits. */
  async unlimit(): Promise<void> {
    for (const direction of ["up", "down"] as const) await this.#shape(direction, undefined);
  }

  /** Cuts the link. */
  async cut(): Promise<void> {
    await runProgram("ip", "-n", this.namespace, "link", "set", INTERFACE, "down");
  }

  /** Ends {@link cut}. */
  async reconnect(): Promise<void> {
    await runProgram("ip", "-n", this.namespace, "link", "set", INTERFACE, "up");
    // The kernel has removed it with the interface.
    await runProgram(
      "ip",
      "-n",
      this.namespace,
      "route",
      "add",
      "default",
      "via",
      this.hubAddress,
    );
  }

  /** Returns the counters of the link, with all headers. */
  async traffic(): Promise<Traffic> {
    const text = await runProgram(
      "ip",
      "-n",
      this.namespace,
      "-s",
      "-j",
      "link",
      "show",
      INTERFACE,
    );
    const [{ stats64: { tx, rx } }] = JSON.parse(text);
    return { sent: tx.bytes, received: rx.bytes };
  }

  async #shape(direction: Direction, shape: string | 0 | undefined): Promise<void> {
    const device = direction === "up"
      ? ["-n", this.namespace, "qdisc"]
      : ["-n", this.#hub, "qdisc"];
    const name = direction === "up" ? INTERFACE : this.name;
    if (shape) {
      await runProgram("tc", ...device, "replace", "dev", name, "root", "tbf", ...shape.split(" "));
    } else await runProgram("tc", ...device, "del", "dev", name, "root").catch(() => {}); // had none
  }
}

/**
 * Hosts in network namespaces: a hub, which also routes, and others with a link to it each. All
 * have the same clock. The namespaces and everything that runs in them end with the test, and with
 * the process of the test in whatever way that ends.
 */
export class TestNetwork implements AsyncDisposable {
  readonly hub: TestHost;
  readonly #hosts: ReadonlyMap<string, TestHost>;
  readonly #guard: Deno.ChildProcess;

  private constructor(hosts: readonly TestHost[], guard: Deno.ChildProcess) {
    this.hub = hosts[0]!;
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
    this.#guard = guard;
  }

  /** Makes a hub and the named hosts. Names have at most 15 characters. */
  static async create(...names: readonly string[]): Promise<TestNetwork> {
    const prefix = `dinocam-${Deno.pid}-${count++}`;
    const hub = `${prefix}-hub`;
    const hosts = ["hub", ...names].map((name, number) =>
      new TestHost(name, number, { own: `${prefix}-${name}`, hub })
    );
    const namespaces = hosts.map(({ name }) => `${prefix}-${name}`);
    const guard = new Deno.Command("sh", {
      args: ["-c", GUARD, "guard", ...namespaces],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const network = new TestNetwork(hosts, guard);
    try {
      await runProgram("sh", "-ec", script(hosts.slice(1), { prefix, hub }));
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  /** Names of its namespaces. */
  get namespaces(): string[] {
    return [...this.#hosts.values()].map(({ namespace }) => namespace);
  }

  /** Returns a host. */
  host(name: string): TestHost {
    const host = this.#hosts.get(name);
    if (!host) throw new RangeError(`No host "${name}"`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard.stdin.close(); // it removes the namespaces then
    await this.#guard.status;
  }
}

/** Number of networks that this process has made. */
let count = 0;

/**
 * Waits for the end of its input, which the kernel closes with the test's process, and then ends
 * all processes in the namespaces and removes these. Ctrl-C does not end it before.
 */
const GUARD = `
  trap '' INT TERM HUP
  cat > /dev/null
  for name; do
    pids=$(ip netns pids "$name")
    [ -z "$pids" ] || kill -KILL $pids
  done
  for name; do ip netns del "$name"; done
`;

/** Returns the commands that make the namespaces and links. */
function script(hosts: readonly TestHost[], { prefix, hub }: { prefix: string; hub: string }) {
  const lines = [
    `ip netns add ${hub}`,
    `ip netns exec ${hub} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.default.disable_ipv6=1`,
    `ip -n ${hub} link set lo up`,
  ];
  for (const { name, address, hubAddress } of hosts) {
    const namespace = `${prefix}-${name}`;
    lines.push(
      `ip netns add ${namespace}`,
      `ip netns exec ${namespace} sysctl -qw net.ipv6.conf.default.disable_ipv6=1`,
      `ip link add ${name} netns ${hub} type veth peer name ${INTERFACE} netns ${namespace}`,
      `ip -n ${hub} addr add ${hubAddress}/24 dev ${name}`,
      `ip -n ${hub} link set ${name} up`,
      `ip -n ${namespace} addr add ${address}/24 dev ${INTERFACE}`,
      `ip -n ${namespace} link set ${INTERFACE} up`,
      `ip -n ${namespace} link set lo up`,
      `ip -n ${namespace} route add default via ${hubAddress}`,
    );
  }
  return lines.join("\n");
}

/** Runs a program and returns what it prints. @throws If it fails. */
export async function runProgram(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}
