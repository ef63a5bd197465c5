/**
 * A small, bounded HTTP/1 client for cameras. `fetch` rejects the malformed responses of many
 * cameras, does not support Digest authentication, and cannot trust a single self-signed
 * certificate.
 *
 * @module
 */
export { serverOf } from "./address.ts";
export type { ResponseBody } from "./body.ts";
export type { Credentials } from "./digest.ts";
export { connectError } from "./connect_error.ts";
export { HttpClientError, type HttpClientErrorCode } from "./errors.ts";
export type { HeaderFields } from "./fields.ts";
export type { ResponseFormat } from "./head.ts";
export { type HttpResponse, request, type RequestOptions } from "./request.ts";
