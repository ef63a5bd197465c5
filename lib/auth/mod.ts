/** Access control: reads `AUTH` and authenticates requests. Knows only two headers of HTTP. */
export { type Access, type Credentials, isLoopback, readAccess } from "./access.ts";
export {
  Authenticator,
  type AuthenticatorOptions,
  type AuthRequest,
  type Denial,
} from "./authenticator.ts";
