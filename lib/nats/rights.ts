import { errors, type NatsConnection, type PermissionViolationError } from "@nats-io/nats-core";
import { shorten } from "../quote.ts";

/** Yields the rights that the hub denies, as it denies them, until the connection is closed. */
export async function* deniedRights(
  connection: Pick<NatsConnection, "status">,
): AsyncGenerator<string> {
  for await (const status of connection.status()) {
    if (status.type !== "error") continue;
    if (status.error instanceof errors.PermissionViolationError) yield rightFor(status.error);
  }
}

/** Describes the right at the hub that is missing: `publish dinocam.frame.shed.*`. */
function rightFor(
  { operation, subject }: Pick<PermissionViolationError, "operation" | "subject">,
): string {
  const pattern = subject
    .replace(/^(dinocam\.frame\.[^.]+)\.[^.]+$/, "$1.*") // all lanes
    .replace(/^_INBOX\..*$/, "_INBOX.>");
  return `${operation === "publish" ? "publish" : "subscribe to"} ${shorten(pattern)}`;
}
