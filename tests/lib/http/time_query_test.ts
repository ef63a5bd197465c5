import { assertEquals, assertStringIncludes } from "@std/assert";
import { Hono } from "hono";
import { HttpError } from "../../../lib/http/errors.ts";
import { isRelativeTime, readTimeQuery } from "../../../lib/http/time_query.ts";

const NOW = Date.UTC(2026, 10, 27, 12) + 0.25;

/** Reads `?at=` of a real request. */
async function read(query: string): Promise<number | string | null> {
  const app = new Hono().get("/", (c) => c.json(readTimeQuery(c, "at", NOW) ?? null));
  app.onError((error, c) => c.json(`${(error as HttpError).status} ${error.message}`));
  return await (await app.request(`/?${query}`)).json();
}

for (
  const [text, expected] of [
    ["2026-11-27T05:43:33Z", Date.UTC(2026, 10, 27, 5, 43, 33)],
    ["2026-11-27t05:43:33.1239z", Date.UTC(2026, 10, 27, 5, 43, 33, 123)],
    ["2026-11-27 05:43:33%2B01:00", Date.UTC(2026, 10, 27, 4, 43, 33)],
    ["2026-11-27T05:43:33+01:00", Date.UTC(2026, 10, 27, 4, 43, 33)], // the + is a space
    ["2026-11-27T23:43:33-05:30", Date.UTC(2026, 10, 28, 5, 13, 33)],
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
    ["1795758213", 1_795_758_213_000],
    ["1795758213.1234", 1_795_758_213_123],
    ["0", 0],
    ["-90s", Math.round(NOW) - 90_000],
    ["-1.5m", Math.round(NOW) - 90_000],
    ["-2h", Math.round(NOW) - 7_200_000],
    ["-1d", Math.round(NOW) - 86_400_000],
    ["-100000d", 0],
    ["now", Math.floor(NOW)],
  ] as const
) {
  Deno.test(`readTimeQuery() reads ${text}`, async () => {
    assertEquals(await read(`at=${text}`), expected);
  });
}

for (
  const text of [
    ...["", "yesterday", "2026-11-27", "2026-11-27T05:43:33", "2026-02-30T00:00:00Z"],
    ...["2026-13-01T00:00:00Z", "2026-11-27T25:00:00Z", "2026-11-27T05:43:33+99:00"],
    ...["-90", "-5x", "90s", "1795758213000", "1e9", "NaN", "Infinity", "-", "-1795758213"],
  ]
) {
  Deno.test(`readTimeQuery() rejects ${text || "an empty value"}`, async () => {
    const message = await read(`at=${text}`);
    assertStringIncludes(
      `${message}`,
      '400 Cannot read "at" as a time such as "2026-11-27T05:43:33Z"',
    );
    assertStringIncludes(`${message}`, `current value is "${text.replace("+", " ")}"`);
  });
}

Deno.test("readTimeQuery() returns undefined without the parameter", async () => {
  assertEquals(await read("from=now"), null);
});

Deno.test("isRelativeTime() is true for times whose meaning changes", () => {
  assertEquals(["now", "-5m", "1795758213", "2026-11-27T05:43:33Z"].map(isRelativeTime), [
    true,
    true,
    false,
    false,
  ]);
});
