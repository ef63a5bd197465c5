/** Access control: reads `AUTH` and authenticates requests. Knows nothing of HTTP but two headers. */
export { type Access, type Credentials, isLoopback, readAccess } from "./access.ts";
export {
  Authenticator,
  type AuthenticatorOptions,
  type AuthRequest,
  type Denial,
} from "./authenticator.ts";
