import { join } from "@std/path";
import { README } from "./readme.ts";
import { ROOT } from "./server.ts";

/** The driver in the README: each `NAME.jpg` in its folder is a camera. */
const [, PICTURES = ""] = /^## Drivers$[^]*?^```ts\n([^]*?)^```$/m.exec(README)!;
const picture = await Deno.readFile(new URL("cameras/emulated/1.jpg", ROOT));

/** A folder with the README's driver. */
export class PictureFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(...names: string[]): Promise<PictureFolder> {
    const folder = new PictureFolder(await Deno.makeTempDir());
    await Deno.writeTextFile(join(folder.path, "pictures.ts"), PICTURES);
    for (const name of names) await folder.add(name);
    return folder;
  }

  /** Makes a camera appear. */
  async add(name: string): Promise<void> {
    await Deno.writeFile(join(this.path, "new"), picture);
    await Deno.rename(join(this.path, "new"), join(this.path, `${name}.jpg`));
  }

  /** Makes a camera disappear. */
  async remove(name: string): Promise<void> {
    await Deno.remove(join(this.path, `${name}.jpg`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
