import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readAddress } from "../../../cameras/mjpeg/address.ts";
import { forCamera } from "../../../lib/env.ts";
import { ConfigError } from "../../../lib/errors.ts";

Deno.test("readAddress() accepts passwords with special characters", () => {
  const sources: [source: string, href: string, user?: string, password?: string][] = [
    ["http://cam/video", "http://cam/video"],
    ["HTTPS://cam:8443/v?a=b#x", "https://cam:8443/v?a=b"],
    [" http://cam \n", "http://cam/"],
    ["http://admin:secret@cam/v", "http://cam/v", "admin", "secret"],
    ["http://admin@cam/v", "http://cam/v", "admin", ""],
    ["http://:secret@cam/v", "http://cam/v", "", "secret"],
    ["http://@cam/v", "http://cam/v"],
    ["http://admin:50%^x@cam/", "http://cam/", "admin", "50%^x"],
    ["http://admin:100%@cam/", "http://cam/", "admin", "100%"],
    ["http://admin:a%2Fb%3Fc%23d%40e%25@cam/", "http://cam/", "admin", "a/b?c#d@e%"],
    ["http://admin:p@ss@w@cam/", "http://cam/", "admin", "p@ss@w"],
    ["http://me@example.org:pw@cam/", "http://cam/", "me@example.org", "pw"],
    ["http://admin:a:b:c@cam:81/", "http://cam:81/", "admin", "a:b:c"],
    ["http://corp\\me:a\\b@cam/", "http://cam/", "corp\\me", "a\\b"],
    [
      "http://admin:pa ss;w<>\"'`{}|^[]$&+=!*()@cam/",
      "http://cam/",
      "admin",
      "pa ss;w<>\"'`{}|^[]$&+=!*()",
    ],
    ["http://ü:ß%C3%BC%FC@cam/", "http://cam/", "ü", "ßÃ¼ü"],
    ["http://admin:pw@[::1]:81/v", "http://[::1]:81/v", "admin", "pw"],
    ["http://cam/stream@hd?mail=a@b.org", "http://cam/stream@hd?mail=a@b.org"],
    ["http://admin:pw@cam/stream%40hd", "http://cam/stream%40hd", "admin", "pw"],
  ];
  for (const [source, href, user, password] of sources) {
    const { url, credentials } = readAddress({ SOURCE: source });
    const wanted = user === undefined ? undefined : { user, password };
    assertEquals([url.href, credentials], [href, wanted], source);
  }
});

Deno.test("readAddress() rejects a password that could be mistaken for a host, in one line that says how to write it", () => {
  for (
    const source of [
      ...["http://admin:s3/cret@cam/", "http://admin:s3?cret@cam/", "http://admin:s3#cret@cam/"],
      ...["http://admin:12/34@cam/", "http://admin:1234#@cam/", "http://admin:#cret@cam/"],
      ...[
        "http://:12/34@cam/",
        "http://admin:s3@cr/et@cam/",
        "http://admin:/@cam/",
        "http://a:b@c@d/@cam",
      ],
      ...["http://corp/me:s3cret@cam/", "http://admin:s3/c@ret@cam:80/v?a=b"],
    ]
  ) {
    const env = forCamera({ FRONT_SOURCE: source }, "front");
    const { message }: ConfigError = assertThrows(() => readAddress(env), ConfigError);
    assertStringIncludes(message, "Cannot read FRONT_SOURCE as a URL");
    for (const part of ["%2F", "%3F", "%23"]) assertStringIncludes(message, part);
    assert(!/s3|cret|12|34|admin|cam\b|corp/.test(message) && !message.includes("\n"), message);
  }
});

Deno.test("readAddress() refuses what is no address of a stream, without its value", () => {
  const sources = [
    ...["cam/secret", "rtsp://admin:secret@cam/", "http:/secret", "secret", "0", "file:///secret"],
    ...["http://admin:secret@cam:99999/", "http://admin:secret@/x", "http://admin:secret@ca m/"],
    ...["http://admin:secret@cam:80x/", "admin:secret@cam/video"],
  ];
  for (const source of sources) {
    const { message }: ConfigError = assertThrows(
      () => readAddress({ SOURCE: source }),
      ConfigError,
    );
    assertStringIncludes(message, "SOURCE");
    assert(!/secret|admin/.test(message), message);
  }
});
