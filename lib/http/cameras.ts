import type { Camera } from "../camera/camera.ts";
import { HttpError } from "./errors.ts";

/** The cameras of the server, in the order in which `CAMERA` names them. */
export class Cameras {
  readonly all: readonly Camera[];

  /** @param all At least one. */
  constructor(all: readonly Camera[]) {
    this.all = all;
  }

  /** The camera of a request; without a name the first. @throws {HttpError} 404 if there is none. */
  get(name?: string): Camera {
    const camera = name === undefined ? this.all[0] : this.all.find((one) => one.name === name);
    if (camera) return camera;
    const names = this.all.map((one) => one.name).join(", ");
    throw new HttpError(404, `Cannot find camera ${JSON.stringify(name)}: there are ${names}`);
  }
}
