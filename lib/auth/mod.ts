/** Who may watch: reads `AUTH`, and decides about each request. Knows nothing of HTTP but two headers. */
export { type Access, type Credentials, isLoopback, readAccess } from "./access.ts";
export { Door, type DoorOptions, type Refusal, type Visitor } from "./authenticator.ts";
