import type { Camera } from "../camera/camera.ts";
import type { CameraList } from "../camera/camera_list.ts";
import { quote } from "../quote.ts";
import { HttpError } from "./errors.ts";

/** How long a client should wait for the first camera, in seconds. */
const RETRY_AFTER = 2;

/** The cameras that the server has at present, for the routes. */
export class Cameras {
  readonly #list: CameraList;

  constructor(list: CameraList) {
    this.#list = list;
  }

  /** See {@link CameraList.all}. */
  get all(): readonly Camera[] {
    return this.#list.all;
  }

  /**
   * Finds a camera by name. Without a name, returns the first camera.
   *
   * @throws {HttpError} 404 if no camera has that name; 503 without a name if there is no camera.
   */
  get(name?: string): Camera {
    const camera = name === undefined
      ? this.all[0]
      : this.all.find((camera) => camera.name === name);
    if (camera) return camera;
    const reason = `No camera yet: ${this.#list.emptyReason ?? "there is none"}`;
    if (name === undefined) throw new HttpError(503, reason, { "Retry-After": `${RETRY_AFTER}` });
    const names = this.all.map((camera) => camera.name).join(", ");
    const available = names === "" ? reason : `available are ${names}`;
    throw new HttpError(404, `Cannot find camera ${quote(name)}: ${available}`);
  }
}
