import { isSupported, MIN_DENO_VERSION } from "./deno_version.ts";

// `main.ts` imports this first, as modules are evaluated in the order of their imports: an old Deno
// is reported before anything that it lacks is used.
if (!isSupported(Deno.version.deno)) {
  console.error(
    `Cannot run on Deno ${Deno.version.deno}: version ${MIN_DENO_VERSION} or newer is required ` +
      "(deno upgrade)",
  );
  Deno.exit(2);
}
