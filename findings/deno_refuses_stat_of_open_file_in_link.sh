#!/usr/bin/env bash
# Deno refuses FsFile.stat() of an open file whose path contains a link, although it permits everything else there.
#
# Expected: with --allow-read and --allow-write for a folder, a file in it can be opened, read, written, and asked for its
#   size, also if the folder is a link: Deno resolves the link when it checks the path.
# Seen: opening, reading, writing, seeking, syncing and truncating are allowed, and so is Deno.stat() of the same path.
#   Only stat() of the open file throws NotCapable. In a folder that is no link it is allowed.
# Version: Deno 2.9.6 (Linux).
# Output seen:
#   in a folder: open allowed, write allowed, read allowed, truncate allowed, Deno.stat allowed, FsFile.stat allowed
#   in a link to it: open allowed, write allowed, read allowed, truncate allowed, Deno.stat allowed, FsFile.stat NotCapable
# Why it matters: a program with a permission for the folder that its user names fails for users whose folder is a link (a
#   disk that is mounted elsewhere, /tmp on macOS), after the file has been opened. Seek to the end for the size, or stat
#   the path.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-fund --no-audit deno@2.9.6
export NO_COLOR=1
npx deno --version | sed -n 1p
mkdir folder
ln -s folder link
cat > attempts.ts <<'TS'
const path = `${Deno.args[0]}/file`;
const file = Deno.openSync(path, { create: true, read: true, write: true });
const attempts = {
  "write": () => file.write(new Uint8Array(3)),
  "read": () => file.read(new Uint8Array(3)),
  "truncate": () => file.truncate(1),
  "Deno.stat": () => Deno.stat(path),
  "FsFile.stat": () => file.stat(),
};
const results = ["open allowed"];
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    await attempt();
    results.push(`${name} allowed`);
  } catch (error) {
    results.push(`${name} ${(error as Error).name}`);
  }
}
console.log(results.join(", "));
TS
run() { npx deno run -q --no-prompt "--allow-read=$1" "--allow-write=$1" attempts.ts "$1"; }
allowed="open allowed, write allowed, read allowed, truncate allowed, Deno.stat allowed"
folder=$(run folder) link=$(run link)
echo "in a folder: $folder"
echo "in a link to it: $link"
if [ "$folder" = "$allowed, FsFile.stat allowed" ] && [ "$link" = "$allowed, FsFile.stat NotCapable" ]; then
  echo "as described"
else
  echo "changed: other permissions than in the head of this script"
  exit 1
fi
