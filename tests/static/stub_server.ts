import { pageRoutes, type Pages } from "../../lib/http/page_routes.ts";

/** Status of the only camera of a {@link StubServer}. */
export const STATUS = {
  ...{
    index: 0,
    name: "front",
    driver: "fake",
    state: "streaming",
    fps: 1,
    viewers: 1,
    resolution: null,
  },
  ...{ lastFailure: null, failures: 0, frames: 1 },
};

/** Serves the page, and a live WebSocket whose messages a test sends by hand. */
export class StubServer implements AsyncDisposable {
  /** Queries of the WebSockets so far. */
  readonly queries: string[] = [];
  /** Messages from the page. */
  readonly received: string[] = [];
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(pages: Pages, messages: () => (string | Uint8Array<ArrayBuffer>)[]) {
    const routes = pageRoutes(pages);
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/cameras") return Response.json([STATUS]);
      if (pathname !== "/live") return routes.fetch(request);
      this.queries.push(search);
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => messages().forEach((message) => socket.send(message));
      socket.onmessage = ({ data }) => this.received.push(data);
      return response;
    });
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
