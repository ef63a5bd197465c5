// Types of the parts of @std that this project uses. The npm package that
// stands in for @std (see deno.json) has none; delete this file, and its line
// in deno.json, when the imports there are jsr:@std/... again.

declare module "@std/path" {
  export const SEPARATOR: "/" | "\\";
  export function basename(path: string | URL, suffix?: string): string;
  export function dirname(path: string | URL): string;
  export function extname(path: string | URL): string;
  export function fromFileUrl(url: string | URL): string;
  export function isAbsolute(path: string): boolean;
  export function join(path: string | URL, ...paths: string[]): string;
  export function normalize(path: string | URL): string;
  export function relative(from: string, to: string): string;
  export function resolve(...pathSegments: string[]): string;
  export function toFileUrl(path: string): URL;
}

declare module "@std/path/posix/from-file-url" {
  export { fromFileUrl } from "@std/path";
}

declare module "@std/path/posix/resolve" {
  export { resolve } from "@std/path";
}

declare module "@std/path/posix/to-file-url" {
  export { toFileUrl } from "@std/path";
}

declare module "@std/path/windows/from-file-url" {
  export { fromFileUrl } from "@std/path";
}

declare module "@std/path/windows/resolve" {
  export { resolve } from "@std/path";
}

declare module "@std/path/windows/to-file-url" {
  export { toFileUrl } from "@std/path";
}

declare module "@std/http/etag" {
  export interface ETagOptions {
    algorithm?: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";
    weak?: boolean;
  }
  export function eTag(
    entity: string | Uint8Array | {
      mtime: Date | null;
      size: number;
    },
    options?: ETagOptions,
  ): Promise<string | undefined>;
  export function ifMatch(
    value: string | null,
    etag: string | undefined,
  ): boolean;
  export function ifNoneMatch(
    value: string | null,
    etag: string | undefined,
  ): boolean;
}

declare module "@std/http/negotiation" {
  export function accepts(
    request: Pick<Request, "headers">,
    ...types: string[]
  ): string | undefined;
  export function acceptsEncodings(
    request: Pick<Request, "headers">,
    ...encodings: string[]
  ): string | undefined;
}

declare module "@std/assert" {
  // deno-lint-ignore no-explicit-any
  type ErrorClass<E> = abstract new (...args: any[]) => E;
  export class AssertionError extends Error {}
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertAlmostEquals(
    actual: number,
    expected: number,
    tolerance?: number,
    msg?: string,
  ): void;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertExists<T>(
    actual: T,
    msg?: string,
  ): asserts actual is NonNullable<T>;
  export function assertFalse(expr: unknown, msg?: string): asserts expr is false;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertInstanceOf<E>(
    actual: unknown,
    expectedType: ErrorClass<E>,
    msg?: string,
  ): asserts actual is E;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertNotEquals<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertObjectMatch(
    // deno-lint-ignore no-explicit-any
    actual: Record<PropertyKey, any>,
    expected: Record<PropertyKey, unknown>,
    msg?: string,
  ): void;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    errorClass?: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    msg?: string,
  ): asserts actual is T;
  export function assertStringIncludes(
    actual: string,
    expected: string,
    msg?: string,
  ): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    errorClass?: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function fail(msg?: string): never;
  export function unreachable(msg?: string): never;
}
