/** Returns the server of a URL as messages name it: `camera.local:80`. */
export function serverOf(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}

/** Returns the port of a URL, also if it is the default port of the scheme. */
export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}

/** Returns the host of a URL for a connection: an IPv6 address without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
