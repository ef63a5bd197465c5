import type { Env } from "../env.ts";

/** An environment that records which of its variables are read. */
export interface RecordedEnv {
  readonly env: Env;
  /** Returns the variables read so far; undefined if they are unknown. */
  reads(): ReadonlySet<string> | undefined;
}

/**
 * Records which variables a driver reads in `configure`. So drivers need no list of their settings,
 * which could become outdated.
 *
 * A driver that copies the whole environment, or reads nothing at all (it may keep the environment
 * for later), can read anything.
 */
export function recordReads(env: Env): RecordedEnv {
  const names = new Set<string>();
  let copied = false;
  return {
    env: new Proxy(env, {
      get(target, key) {
        if (typeof key === "string") names.add(key);
        return Reflect.get(target, key);
      },
      has(target, key) {
        if (typeof key === "string") names.add(key);
        return Reflect.has(target, key);
      },
      ownKeys(target) {
        copied = true;
        return Reflect.ownKeys(target);
      },
    }),
    reads: () => copied || names.size === 0 ? undefined : names,
  };
}
