import { isSupported, MIN_DENO_VERSION } from "./deno_version.ts";

// `main.ts` imports this module first. Modules are evaluated in the order of their imports, so an
// old Deno is reported before a module uses an API that it lacks.
if (!isSupported(Deno.version.deno)) {
  console.error(
    `Cannot run on Deno ${Deno.version.deno}: version ${MIN_DENO_VERSION} or newer is required ` +
      "(deno upgrade, or npx deno@latest task start)",
  );
  Deno.exit(2);
}
