/** Headers of responses that must not be cached. */
export const NO_STORE = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** Headers of streams and snapshots: proxies and caches must not store, change or buffer them. */
export const LIVE_HEADERS = {
  "Cache-Control": "no-store, no-cache, must-revalidate, max-age=0, no-transform",
  "Pragma": "no-cache",
  "Expires": "Mon, 3 Jan 2000 12:34:56 GMT",
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};
