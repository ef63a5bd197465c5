import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { type FakeClientOptions, FakeHub } from "../../fake_bus.ts";
import { setUpCamera, setUpPublisher } from "./origin.ts";
import { oldest, quantile, TestEdge, type Viewing } from "./watching.ts";

/** Links: one-way delay in milliseconds, bytes per second. */
const FAST = { delay: 0.2, rate: 100e6 };
const THIN = { delay: 1, rate: 500e3 };
const FAR = { delay: 50, rate: 100e6 };
/** Time for which the edges watch before a fault, in milliseconds. */
const WATCHED = 10_000;

/** An origin as in a server, and edges that watch its camera. */
class Network implements Disposable {
  readonly hub = new FakeHub();
  readonly edges: readonly TestEdge[];
  readonly viewings: readonly Viewing[];
  origin: ReturnType<Network["start"]>;

  private constructor(readonly link: FakeClientOptions, links: readonly FakeClientOptions[]) {
    this.origin = this.start();
    this.edges = links.map((link) => new TestEdge(this.hub, this.hub.connect(link)));
    for (const { links } of this.edges) links.expect({ source: "front", camera: "front" });
    this.viewings = this.edges.map((edge) => edge.watch({ restart: true }));
  }

  /** Starts it, and lets it run for {@link WATCHED}. */
  static async run(
    { origin, edges }: { origin: FakeClientOptions; edges: readonly FakeClientOptions[] },
  ): Promise<Network> {
    const network = new Network(origin, edges);
    await network.hub.advance(WATCHED);
    return network;
  }

  /** Starts an origin. */
  start() {
    const client = this.hub.connect(this.link);
    const { clock } = client;
    const { camera } = setUpCamera({ clock, idleTimeout: 0 });
    const { publisher } = setUpPublisher({ bus: client, clock, cameras: [camera] });
    return { client, publisher, camera };
  }

  /** The frame rates and ages at the edges, from 3 s after the start. */
  get figures() {
    return this.viewings.map((viewing) => {
      const frames = viewing.between(3_000, WATCHED);
      const ages = frames.map(({ age }) => age);
      return { fps: frames.length / (WATCHED - 3_000) * 1000, p99: quantile(ages, 0.99) };
    });
  }

  [Symbol.dispose](): void {
    for (const edge of this.edges) edge[Symbol.dispose]();
    this.origin.publisher[Symbol.dispose]();
  }
}

Deno.test("an uplink of 500 KB/s serves three edges alike", async () => {
  using network = await Network.run({ origin: THIN, edges: [FAST, FAST, FAST] });
  const { figures } = network;
  for (const { fps, p99 } of figures) {
    assertGreater(fps, 3.8);
    assertLess(p99, 400);
  }
  const rates = figures.map(({ fps }) => fps);
  assertLess(Math.max(...rates) / Math.min(...rates), 1.05);
  const received = network.edges[0]!.links.link("front")!.frames;
  assertLess(network.origin.publisher.publication("front")!.frames, 1.1 * received);
});

Deno.test("one thin edge of two does not slow down the other", async () => {
  using network = await Network.run({ origin: FAST, edges: [THIN, FAST] });
  const [thin, good] = network.figures;
  assertGreater(thin!.fps, 3.8);
  assertLess(thin!.p99, 300);
  assertGreater(good!.fps, 29);
  assertLess(good!.p99, 30);
});

Deno.test("a way of 100 + 100 ms has the camera's frame rate after three seconds", async () => {
  using network = await Network.run({ origin: FAR, edges: [FAR] });
  const [{ fps, p99 }] = network.figures as [{ fps: number; p99: number }];
  assertGreater(fps, 29);
  assertLess(p99, FAR.delay + FAR.delay + 50);
});

Deno.test("a camera stops soon after the last edge has left", async () => {
  using network = await Network.run({ origin: FAST, edges: [FAST] });
  const { camera } = network.origin;
  network.viewings[0]![Symbol.dispose]();
  await network.hub.advance(1_000);
  assertEquals(camera.stats().state, "off");
});

const FAULTS: Record<string, (network: Network) => Promise<void>> = {
  async "the hub is frozen for 12 s"({ hub }) {
    hub.freeze();
    await hub.advance(12_000);
    hub.thaw();
  },
  async "the hub is frozen for 2 s"({ hub }) {
    hub.freeze();
    await hub.advance(2_000);
    hub.thaw();
  },
  async "the hub restarts after 5 s"({ hub, edges, origin }) {
    hub.stop();
    await hub.advance(5_000);
    hub.start();
    for (const { client } of edges) client.reconnect();
    await hub.advance(300);
    origin.client.reconnect();
  },
  async "the origin is cut off for 5 s"({ hub, origin: { client } }) {
    client.cut();
    await hub.advance(5_000);
    client.restore();
  },
  async "the edges are cut off for 30 s, and notice it"({ hub, edges }) {
    for (const { client } of edges) client.cut();
    await hub.advance(15_000);
    for (const { client } of edges) client.disconnect({ hubNotices: false });
    await hub.advance(15_000);
    for (const { client } of edges) client.reconnect();
  },
  async "the edges are frozen for 8 s"({ hub, edges }) {
    for (const { client } of edges) client.freeze();
    await hub.advance(8_000);
    for (const { client } of edges) client.thaw();
  },
  async "the origin is frozen for 8 s"({ hub, origin: { client } }) {
    client.freeze();
    await hub.advance(8_000);
    client.thaw();
  },
  async "the origin is killed, and starts again"(network) {
    network.origin.client.kill();
    await network.hub.advance(3_000);
    network.origin = network.start();
  },
};

for (const [name, origin] of Object.entries({ fast: FAST, thin: THIN, far: FAR })) {
  Deno.test(`edges of an origin with a ${name} link show nothing of before a fault`, async (t) => {
    for (const [fault, happen] of Object.entries(FAULTS)) {
      await t.step(fault, async () => {
        using network = await Network.run({ origin, edges: [FAST, THIN, FAR] });
        const { hub, viewings } = network;
        const ways = viewings.map((viewing) => oldest(viewing.between(3_000, Infinity)));
        const begun = hub.clock.monotonic();
        await happen(network);
        const repaired = hub.clock.monotonic();
        await hub.advance(4_000);
        for (const [i, viewing] of viewings.entries()) {
          assertLess(oldest(viewing.between(begun, Infinity)), ways[i]! + 500);
          const [first] = viewing.between(repaired, Infinity);
          assert(first && first.at - repaired < 2_000, `edge ${i}: ${first?.at}`);
        }
        assertEquals(hub.thrown, []);
      });
    }
  });
}
