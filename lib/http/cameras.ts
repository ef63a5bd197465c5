import type { Camera } from "../camera/camera.ts";
import { quote } from "../quote.ts";
import { HttpError } from "./errors.ts";

/** The cameras of the server, in the order in which `CAMERA` names them. */
export class Cameras {
  readonly all: readonly Camera[];

  /** @param all At least one camera. */
  constructor(all: readonly Camera[]) {
    this.all = all;
  }

  /**
   * Finds a camera by name. Without a name, returns the first camera.
   *
   * @throws {HttpError} 404 if no camera has that name.
   */
  get(name?: string): Camera {
    const camera = name === undefined
      ? this.all[0]
      : this.all.find((camera) => camera.name === name);
    if (camera) return camera;
    const names = this.all.map((camera) => camera.name).join(", ");
    throw new HttpError(404, `Cannot find camera ${quote(name!)}: available are ${names}`);
  }
}
