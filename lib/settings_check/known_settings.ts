import type { Setting } from "../setting.ts";
import { nearest } from "./near_miss.ts";

/** A camera in the settings. */
export interface CheckedCamera {
  readonly name: string;
  readonly driver: string;
  /** Whether it stands for all cameras that its driver discovers. @default {false} */
  readonly isGroup?: boolean;
  /** The variables that its driver reads; undefined if they are unknown. */
  readonly reads: ReadonlySet<string> | undefined;
}

/** A variable that is a setting, or resembles one. */
export type Recognized =
  /** It is a setting, of one camera if `camera` is present. */
  | { readonly kind: "setting"; readonly setting: Setting; readonly camera?: CheckedCamera }
  | Mistake;

/** A variable that resembles a setting, and the reason why it is not a setting. */
export interface Mistake {
  readonly kind: "mistake";
  readonly text: string;
  readonly advice: string;
}

/**
 * Beginnings of variables that other programs set, up to a `_`: `CI_PIPELINE_SOURCE` is not the
 * `SOURCE` of a camera "ci-pipeline".
 */
const FOREIGN_PREFIXES = new Set([
  ...[
    "AGENT",
    "ALSA",
    "ANSIBLE",
    "APPVEYOR",
    "AWS",
    "AZURE",
    "BASH",
    "BITBUCKET",
    "BUILD",
    "BUILDKITE",
  ],
  ...["CI", "CIRCLE", "CODEBUILD", "COMPOSE", "CONDA", "DENO", "DOCKER", "DRONE", "FLATPAK", "FZF"],
  ...["GCP", "GIT", "GITHUB", "GITLAB", "GNOME", "GOOGLE", "GTK", "INPUT", "JAVA", "JENKINS"],
  ...["JOURNAL", "KDE", "KUBERNETES", "LC", "LESS", "LOG", "MESA", "NODE", "NPM", "NVIDIA"],
  ...[
    "OMP",
    "PIP",
    "PIPEWIRE",
    "PULSE",
    "PYTHON",
    "QT",
    "RUNNER",
    "SCREEN",
    "SDL",
    "SNAP",
    "SSH",
    "SYSTEM",
    "SYSTEMD",
  ],
  ...["TERM", "TERMINAL", "TMUX", "TRAVIS", "VERCEL", "VSCODE", "VTE", "WAYLAND", "WINDOW", "WSL"],
  ...["WT", "XDG", "ZSH"],
]);

/** The beginning of a variable that names no camera, but this program or any camera. */
const GENERAL_PREFIX = /^(DINOCAM|CAMERA|CAM|WEBCAM|VIDEO)_/;

/** A name that can be a misspelled setting, and be printed as it is. */
const NAME = /^[A-Za-z][\w-]{1,60}$/;

/** Recognizes variables that are settings, and those that look like misspelled settings. */
export class KnownSettings {
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #cameraSettings: ReadonlyMap<string, Setting>;
  /** The same: `SMALL_SOURCE` before `SOURCE`. */
  readonly #longestFirst: readonly (readonly [string, Setting])[];
  readonly #cameras: readonly CheckedCamera[];
  /** Those that have a name. */
  readonly #named: readonly CheckedCamera[];

  constructor(settings: readonly Setting[], cameras: readonly CheckedCamera[]) {
    const byName = (some: readonly Setting[]) => new Map(some.map((one) => [one.name, one]));
    this.#settings = byName(settings);
    this.#cameraSettings = byName(settings.filter(({ perCamera }) => perCamera));
    this.#longestFirst = [...this.#cameraSettings].sort(([a], [b]) => b.length - a.length);
    this.#cameras = cameras;
    this.#named = cameras.filter(({ isGroup = false }) => !isGroup);
  }

  /** Recognizes a variable; undefined if it is not related to the settings. */
  recognize(variable: string, value: string): Recognized | undefined {
    const exact = this.#exact(variable);
    if (exact) return exact;
    if (this.#cameras.some(({ reads }) => reads?.has(variable))) return undefined;
    if (!NAME.test(variable)) return undefined;
    const upper = upperCase(variable);
    if (upper !== variable && this.#exact(upper)) {
      return mistake(`${variable} is not read: settings are in capitals`, `did you mean ${upper}?`);
    }
    return this.#ofCamera(variable, upper) ?? this.misspelled(variable, value) ??
      this.#ofUnknownCamera(variable, upper);
  }

  /** Recognizes a misspelled setting, apart from those of one camera. */
  misspelled(variable: string, value: string): Mistake | undefined {
    if (this.#settings.has(variable) || !NAME.test(variable)) return undefined;
    const upper = upperCase(variable);
    const unprefixed = upper.replace(GENERAL_PREFIX, "");
    // Kubernetes sets DINOCAM_PORT=tcp://10.0.0.1:8000 for a service "dinocam".
    if (unprefixed !== upper && this.#settings.has(unprefixed)) {
      return /^(tcp|udp):\/\//.test(value) ? undefined : misspelling(variable, unprefixed);
    }
    for (const { name, alternatives = [] } of this.#settings.values()) {
      if (name === upper || alternatives.includes(upper)) return misspelling(variable, name);
    }
    const meant = nearest(upper, this.#settings.keys()) ?? nearest(upper, this.#driverSettings());
    return meant ? misspelling(variable, meant) : undefined;
  }

  /** The settings that only drivers know, such as `PYTHON`. */
  #driverSettings(): Iterable<string> {
    return new Set(this.#cameras.flatMap(({ reads = [] }) => [...reads]));
  }

  #exact(variable: string): Recognized | undefined {
    const setting = this.#settings.get(variable);
    if (setting) return { kind: "setting", setting };
    for (const camera of this.#named) {
      const prefix = prefixOf(camera);
      if (!variable.startsWith(prefix)) continue;
      const setting = this.#cameraSettings.get(variable.slice(prefix.length));
      if (setting) return { kind: "setting", setting, camera };
    }
    return undefined;
  }

  /**
   * Recognizes a variable with the prefix of a camera. Drivers may have settings that are not
   * listed here.
   */
  #ofCamera(variable: string, upper: string): Recognized | undefined {
    for (const camera of this.#named) {
      const prefix = prefixOf(camera);
      if (!upper.startsWith(prefix)) continue;
      const name = upper.slice(prefix.length);
      if (camera.reads?.has(name)) return undefined;
      if (this.#settings.has(name)) {
        return mistake(`${variable} is not read: ${name} cannot be set per camera`, `set ${name}`);
      }
      const meant = nearest(name, [...this.#cameraSettings.keys(), ...camera.reads ?? []]);
      if (meant) return misspelling(variable, `${prefix}${meant}`);
    }
    return this.#misplacedPrefix(variable, upper);
  }

  /** `FPS_FRONT`, or `FRONTFPS`, for the camera "front". */
  #misplacedPrefix(variable: string, upper: string): Recognized | undefined {
    for (const prefix of this.#named.map(prefixOf)) {
      const bare = prefix.replace(/_+$/, "");
      for (const name of this.#cameraSettings.keys()) {
        if (upper === `${name}_${bare}` || upper === `${bare}${name}`) {
          return misspelling(variable, `${prefix}${name}`);
        }
      }
    }
    return undefined;
  }

  /** Recognizes a setting of a camera that does not exist: `FRONT_FPS` without a camera "front". */
  #ofUnknownCamera(variable: string, upper: string): Recognized | undefined {
    if (FOREIGN_PREFIXES.has(upper.split("_", 1)[0]!)) return undefined;
    const hasGroup = this.#named.length < this.#cameras.length;
    for (const [name, { notDiscovered }] of this.#longestFirst) {
      if (!upper.endsWith(`_${name}`)) continue;
      // A camera of that name can appear.
      if (hasGroup && !notDiscovered) continue;
      const prefix = upper.slice(0, -name.length);
      const camera = prefix.slice(0, -1).toLowerCase().replaceAll("_", "-");
      const meant = nearest(prefix, this.#named.map(prefixOf));
      return mistake(
        `${variable} is not read: CAMERA names no camera "${camera}"`,
        meant
          ? `did you mean ${meant}${name}?`
          : `for all cameras set ${name}; to name a camera set CAMERA=${camera}=DRIVER`,
      );
    }
    return undefined;
  }
}

function upperCase(variable: string): string {
  return variable.toUpperCase().replaceAll("-", "_");
}

/** Returns the prefix of the variables of one camera: `FRONT_` for the camera "front". */
export function prefixOf({ name }: CheckedCamera): string {
  return `${name.toUpperCase().replaceAll("-", "_")}_`;
}

function misspelling(variable: string, meant: string): Mistake {
  return mistake(`${variable} is not a setting`, `did you mean ${meant}?`);
}

function mistake(text: string, advice: string): Mistake {
  return { kind: "mistake", text, advice };
}
