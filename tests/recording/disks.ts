import { leftOut, needing } from "../parts.ts";
import { run } from "../clients/client.ts";

/** Bit of CAP_SYS_ADMIN, which may mount file systems. */
const CAP_SYS_ADMIN = 1n << 21n;

/** Returns options for a test that mounts disks; only the system administrator can. */
export function mounting(...programs: string[]): { ignore: boolean } {
  if (Deno.build.os !== "linux" || !canMount()) return leftOut("permission to mount disks");
  return needing("mount", "umount", ...programs);
}

function canMount(): boolean {
  const status = Deno.readTextFileSync("/proc/self/status");
  const capabilities = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? 0}`);
  return (capabilities & CAP_SYS_ADMIN) !== 0n;
}

/** A file system of a test. */
export class TestDisk implements AsyncDisposable {
  /** Where it is mounted, readable and writable. */
  readonly folder: string;
  /** A file for `FAKE_CAMERA_LOG`, beside the disk. */
  readonly journal: string;
  readonly #source: string;
  readonly #temporary: string;

  private constructor(temporary: string) {
    this.#temporary = temporary;
    this.#source = `${temporary}/source`;
    this.folder = `${temporary}/disk`;
    this.journal = `${temporary}/camera.log`;
  }

  /** Makes a disk in memory. */
  static async inMemory(megabytes: number): Promise<TestDisk> {
    return await TestDisk.#make((source) =>
      command("mount", "-t", "tmpfs", "-o", `size=${megabytes}M`, "tmpfs", source)
    );
  }

  /** Makes a disk with the file system ext4, in a file. */
  static async inFile(megabytes: number): Promise<TestDisk> {
    return await TestDisk.#make(async (source, temporary) => {
      const image = `${temporary}/image`;
      await Deno.writeFile(image, new Uint8Array(0));
      await Deno.truncate(image, megabytes * 1024 * 1024);
      await command("mkfs.ext4", "-q", image);
      await command("mount", "-o", "loop", image, source);
    });
  }

  static async #make(mount: (source: string, temporary: string) => Promise<void>) {
    const temporary = await Deno.makeTempDir();
    const disk = new TestDisk(temporary);
    await Deno.mkdir(disk.#source);
    await Deno.mkdir(disk.folder);
    await mount(disk.#source, temporary);
    await disk.connect();
    return disk;
  }

  /** Mounts it at its folder. */
  connect(): Promise<void> {
    return command("mount", "--bind", this.#source, this.folder);
  }

  /** Takes it away from its folder, also while files are open. */
  disconnect(): Promise<void> {
    return command("umount", "--lazy", this.folder);
  }

  /** Makes every write and every sync wait until {@link thaw}. */
  freeze(): Promise<void> {
    return command("fsfreeze", "--freeze", this.#source);
  }

  thaw(): Promise<void> {
    return command("fsfreeze", "--unfreeze", this.#source);
  }

  /** Makes every write fail with EROFS, for good, as the kernel does after an error of the disk. */
  abort(): Promise<void> {
    return command("mount", "-o", "remount,abort", this.#source);
  }

  /** Fills it with a file. @param leave Bytes that stay free. */
  async fill(leave: number): Promise<void> {
    const { bavail, bsize } = (await import("node:fs")).statfsSync(this.folder);
    using file = await Deno.create(`${this.folder}/filler`);
    for (let rest = bavail * bsize - leave; rest > 0;) {
      rest -= await file.write(new Uint8Array(Math.min(rest, 65_536)));
    }
  }

  /** Removes the file of {@link fill}. */
  empty(): Promise<void> {
    return Deno.remove(`${this.folder}/filler`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("fsfreeze", ["--unfreeze", this.#source]).catch(() => {}); // usually not frozen
    await run("umount", ["--lazy", this.folder]); // it may be disconnected
    await command("umount", "--lazy", this.#source);
    await Deno.remove(this.#temporary, { recursive: true });
  }
}

async function command(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}
