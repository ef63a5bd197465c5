import { assertEquals } from "@std/assert";
import { jpegWith, setUp } from "./fake_source.ts";

Deno.test("a background subscriber does not count as a viewer, but a stream does", async () => {
  const { app, source, camera } = setUp({ maxViewers: 1 });
  const counts = async () => {
    const [{ viewers, backgroundSubscribers }] = await (await app.request("/cameras")).json();
    const metrics = await (await app.request("/metrics")).text();
    const metric = (name: string) =>
      Number(new RegExp(`^${name}\\S* (.*)$`, "m").exec(metrics)![1]);
    return {
      cameras: [viewers, backgroundSubscribers],
      viewers: metric("dinocam_viewers"),
      subscribers: metric("dinocam_camera_subscribers"),
      background: metric("dinocam_camera_background_subscribers"),
    };
  };
  const none = { cameras: [0, 0], viewers: 0, subscribers: 0, background: 0 };
  assertEquals(await counts(), none);

  using recorder = camera.subscribe({ role: "background" });
  const frame = recorder.next();
  await source.push(jpegWith("one"));
  await frame;
  assertEquals(await counts(), { ...none, cameras: [0, 1], background: 1 });

  const stream = await app.request("/video_feed");
  assertEquals(stream.status, 200);
  const both = { cameras: [1, 1], viewers: 1, subscribers: 1, background: 1 };
  assertEquals(await counts(), both);
  const refused = await app.request("/video_feed");
  assertEquals([refused.status, await refused.text()], [
    503,
    "Too many viewers: the limit of 1 is reached\n",
  ]);

  await stream.body!.cancel();
  assertEquals(await counts(), { ...none, cameras: [0, 1], background: 1 });
  await camera.close();
});
