#!/usr/bin/env bash
# Deno permits to open and call a library by its path, but its pointers need the permission for all libraries.
#
# Expected: with --allow-ffi=PATH, a program can use the library at PATH, and nothing else. Many C functions take the
#   address of a buffer in a structure or in another buffer, so using it includes Deno.UnsafePointer.of(buffer).
# Seen: Deno.dlopen(PATH) and the calls are allowed; Deno.UnsafePointer.of() throws "Requires ffi access", until
#   --allow-ffi has no path, which permits any library. The query of the permission says "granted" for PATH.
# Versions: Deno 2.9.6.
# Output seen:
#   --allow-ffi=PATH: query granted, call allowed, pointer refused
#   --allow-ffi: query granted, call allowed, pointer allowed
#   --allow-ffi=PATH: the address by memcpy, which returns it as a number: allowed
# Why it matters: code that was tried with --allow-ffi or -A fails for users with narrow permissions. Functions that
#   return their argument, declared with a number as result, give the address without a pointer.
set -euo pipefail

command -v npm > /dev/null || { echo "npm is not installed"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm init -y > /dev/null
npm install --silent deno@2.9.6
deno="$tmp/node_modules/.bin/deno"
"$deno" --version | sed -n 1p

library=
for path in /lib/x86_64-linux-gnu/libc.so.6 /lib/aarch64-linux-gnu/libc.so.6 /lib64/libc.so.6; do
  [ -e "$path" ] && { library=$path; break; }
done
[ -n "$library" ] || { echo "the C library was not found"; exit 2; }

cat > try.ts <<'TS'
const path = Deno.args[0];
const query = Deno.permissions.querySync({ name: "ffi", path }).state;
const attempt = (run: () => unknown) => {
  try {
    run();
    return "allowed";
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? "refused" : String(error);
  }
};
const bytes = new Uint8Array(64);
let address = 0n;
const call = attempt(() => {
  const { symbols } = Deno.dlopen(path, {
    memcpy: { parameters: ["buffer", "buffer", "usize"], result: "usize" },
  });
  address = symbols.memcpy(bytes, bytes, 0n);
});
const pointer = attempt(() => Deno.UnsafePointer.of(bytes));
console.log(`query ${query}, call ${call}, pointer ${pointer}, address ${address > 0n ? "known" : "unknown"}`);
TS

narrow=$(timeout 60 "$deno" run --no-prompt --allow-ffi="$library" try.ts "$library")
wide=$(timeout 60 "$deno" run --no-prompt --allow-ffi try.ts "$library")
echo "--allow-ffi=PATH: $narrow"
echo "--allow-ffi: $wide"

if [ "$narrow" = "query granted, call allowed, pointer refused, address known" ] &&
  [ "$wide" = "query granted, call allowed, pointer allowed, address known" ]; then
  echo "as described"
else
  echo "NOT as described"
  exit 1
fi
