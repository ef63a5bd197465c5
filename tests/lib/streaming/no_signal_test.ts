import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Jpeg } from "../../../lib/frame.ts";
import { noSignalJpeg } from "../../../lib/jpeg/no_signal.ts";
import { jpegWith, Received, setUp } from "../http/fake_source.ts";

Deno.test('a viewer of a silent camera gets a "no signal" picture after 5 s and stays connected', async () => {
  const { app, camera, clock, source } = setUp();
  await using viewer = await watch(app.request("/video_feed"), () => source.push(jpegWith("one")));
  assertStringIncludes(await viewer.take(), "one");
  await clock.advance(4_900); // the watchdog has ended the capture after 3 s
  assertEquals(camera.error?.message, "No picture for 3 s");
  assertEquals(await viewer.take(), "");
  await clock.advance(600);
  const first = await viewer.take();
  assertEquals(pictures(first), [
    text(noSignalJpeg({ width: 2, height: 1 }, ["No picture for 3 s"])),
  ]);
  await clock.advance(5_000);
  assertEquals(await viewer.take(), first); // the same picture, drawn once
  await source.push(jpegWith("two"));
  assertStringIncludes(await viewer.take(), "two");
  assertEquals(camera.error, undefined);
  await camera.close();
});

async function watch(answer: Response | Promise<Response>, push: () => Promise<void>) {
  await push();
  return new Received((await answer).body!);
}

/** The JPEGs in the text of a stream. */
function pictures(stream: string): string[] {
  return [...stream.matchAll(/\r\n\r\n(.*?)\r\n--frame/gs)].map(([, picture]) => picture!);
}

function text(jpeg: Jpeg): string {
  return String.fromCharCode(...jpeg);
}
