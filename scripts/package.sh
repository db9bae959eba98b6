#!/usr/bin/env bash
# Makes a package that runs on hosts without a toolchain: the three executables with every library that
# a bare Debian 12 lacks, the models, cluster/ and the README. Then tries it where nothing else is: in a
# root directory that holds the package and the C library alone, a server and two workers must come to
# the digest of a single process.
#
#   scripts/package.sh                 leaves .build/package/relate-VERSION-ARCHITECTURE.tar.gz
#   scripts/package.sh --out DIR       leaves it in DIR
#   scripts/package.sh --bin DIR       packs the executables in DIR and builds none
#   scripts/package.sh --no-trial      does not try it
#
# The same executables and libraries give the same file, to the last bit.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out="$here/.build/package"
bin=""
trial=yes
while [ $# -gt 0 ]; do
  case "$1" in
    --out | --bin)
      [ $# -gt 1 ] || { echo "Error: $1 needs a directory." >&2; exit 64; }
      if [ "$1" = --out ]; then out=$2; else bin=$2; fi
      shift
      ;;
    --no-trial) trial=no ;;
    *)
      sed -n '2,12s/^# \{0,1\}//p' "$0"
      [ "$1" = --help ] && exit 0
      exit 64
      ;;
  esac
  shift
done
. "$here/scripts/setup.sh"
setup_packages patchelf binutils

if [ -z "$bin" ]; then
  echo "Building (some minutes the first time)"
  swift build --package-path "$here" -c release
  bin=$(swift build --package-path "$here" -c release --show-bin-path)
fi
for program in relate ParameterServer Worker; do
  [ -x "$bin/$program" ] || setup_fail "there is no $program in $bin."
done

work=$(mktemp -d "${TMPDIR:-/tmp}/relate-package.XXXXXX")
trap 'rm -rf "$work"' EXIT
name="relate-$("$bin/relate" --version)-$(uname -m)"
root="$work/$name"
mkdir -p "$root/bin" "$root/lib" "$root/licenses"

# What every Debian has, and what has to fit its kernel and its names of hosts: the C library.
belongs_to_system() {
  case "$1" in
    linux-vdso.so.* | ld-linux*.so.* | libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | \
      librt.so.* | libresolv.so.* | libutil.so.* | libnss_*) return 0 ;;
  esac
  return 1
}

# Copies the libraries that a file needs, and those that they need: copy_libraries FILE
copy_libraries() {
  local library path
  while read -r library path; do
    [ "$path" != "not" ] || setup_fail "$1 needs $library, which is not on this machine."
    belongs_to_system "$library" && continue
    [ -e "$root/lib/$library" ] && continue
    cp -L "$path" "$root/lib/$library"
    note_license "$path"
  done < <(ldd "$1" | sed -n 's/^\t\([^ /]*\) => \([^ ]*\).*/\1 \2/p')
}

# Keeps the licence that a library came with.
note_license() {
  local package file
  package=$(dpkg-query -S "$(readlink -f "$1")" 2>/dev/null | head -n 1 | cut -d: -f1) || package=""
  file="/usr/share/doc/$package/copyright"
  if [ -n "$package" ] && [ -e "$file" ]; then
    cp -L "$file" "$root/licenses/$package"
  else
    file="$(dirname "$(readlink -f "$(command -v swift)")")/../share/swift/LICENSE.txt"
    [ -e "$file" ] && cp "$file" "$root/licenses/swift" || true
  fi
}

echo "Collecting libraries"
for program in relate ParameterServer Worker; do
  cp "$bin/$program" "$root/bin/"
  strip --strip-debug "$root/bin/$program"
  copy_libraries "$bin/$program"
done
# These are looked for when the program runs; oneDNN may be absent, as anywhere.
for library in libopenblas.so.0 libdnnl.so.2; do
  path=$(ldconfig -p | sed -n "s|^\t$library .*=> ||p" | head -n 1)
  if [ -z "$path" ]; then
    [ "$library" = libdnnl.so.2 ] || setup_fail "$library is not on this machine."
    echo "There is no $library here: the package does without the engine onednn."
    continue
  fi
  cp -L "$path" "$root/lib/$library"
  note_license "$path"
  copy_libraries "$path"
done
# RPATH, which libraries of libraries heed as well; RUNPATH, the newer one, they do not.
for program in "$root"/bin/*; do patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$program"; done
for library in "$root"/lib/*; do patchelf --force-rpath --set-rpath '$ORIGIN' "$library"; done
cp -r "$here/models" "$here/README.md" "$here/LICENSE" "$root/"
if [ -d "$here/cluster" ]; then cp -r "$here/cluster" "$root/"; fi
chmod -R u+w,go-w,a+rX "$root"

mkdir -p "$out"
out=$(cd "$out" && pwd)
package="$out/$name.tar.gz"
tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "$name" |
  gzip -n > "$work/package.tar.gz"

if [ "$trial" = yes ]; then
  echo "Trying it where nothing else is"
  bare="$work/bare"
  mkdir -p "$bare"/{proc,dev,tmp,lib,lib64,home}
  for library in ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2; do
    path=$(ldconfig -p | sed -n "s|^\t$library .*=> ||p" | head -n 1)
    [ -z "$path" ] || cp -L "$path" "$bare/lib/$library"
  done
  mv "$bare"/lib/ld-linux* "$bare/lib64/"
  tar -C "$bare" -xzf "$work/package.tar.gz"
  # Runs a command of the package in the bare root directory: in_bare COMMAND…
  in_bare() {
    unshare --user --map-root-user --mount --pid --fork --kill-child sh -c '
      mount -t proc proc "$0/proc"
      for device in null urandom; do touch "$0/dev/$device"; mount --bind "/dev/$device" "$0/dev/$device"; done
      export HOME=/home TMPDIR=/tmp
      exec chroot "$0" "$@"' "$bare" "$@"
  }
  experiment="sort-of-clevr --preset quick --replicas 4 --batch-size 8 --steps 20 --evaluate-every 10
    --set images.training=50 --set images.validation=3 --set images.test=3"
  digest_of() { tail -n 1 "$1/steps.jsonl" | sed 's/.*"digest":"\([0-9a-f]*\)".*/\1/'; }
  # Words of an experiment are words of the command.
  # shellcheck disable=SC2086
  {
    in_bare "/$name/bin/relate" train $experiment --workers 2 --run /tmp/run > "$work/log" 2>&1 ||
      { cat "$work/log" >&2; setup_fail "the package does not run by itself."; }
    "$bin/relate" train $experiment --single-process --run "$work/run" > "$work/log" 2>&1 ||
      { cat "$work/log" >&2; setup_fail "the build does not run."; }
  }
  [ "$(digest_of "$bare/tmp/run")" = "$(digest_of "$work/run")" ] ||
    setup_fail "the package computes other bits than the build."
  echo "A server and two workers: digest $(digest_of "$work/run"), as in one process of the build"
fi
mv "$work/package.tar.gz" "$package"
echo "$package ($(du -h "$package" | cut -f1)): unpack it anywhere and run bin/relate"
