import type { PermissionViolationError } from "@nats-io/nats-core";
import { shorten } from "../quote.ts";

/** Describes the right at the hub that is missing: `publish dinocam.frame.shed.*`. */
export function rightFor(
  { operation, subject }: Pick<PermissionViolationError, "operation" | "subject">,
): string {
  const pattern = subject
    .replace(/^(dinocam\.frame\.[^.]+)\.[^.]+$/, "$1.*") // all lanes
    .replace(/^_INBOX\..*$/, "_INBOX.>");
  return `${operation === "publish" ? "publish" : "subscribe to"} ${shorten(pattern)}`;
}
