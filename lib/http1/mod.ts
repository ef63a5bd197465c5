/**
 * A small HTTP/1 client for cameras: requests one URL, and reads the head and the body of the response. `fetch`
 * refuses what many cameras send, authenticates by Basic alone, and cannot trust one self-signed certificate.
 */
export type { ResponseBody } from "./body.ts";
export type { Credentials } from "./digest.ts";
export { HttpClientError, type HttpClientErrorCode } from "./errors.ts";
export type { HeaderFields } from "./fields.ts";
export type { ResponseFormat } from "./head.ts";
export { type HttpResponse, request, type RequestOptions } from "./request.ts";
