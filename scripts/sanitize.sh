#!/usr/bin/env bash
# Runs the kernels' tests and the loops in C under AddressSanitizer and UndefinedBehaviorSanitizer.
# Arguments go to `swift test`, e.g. scripts/sanitize.sh --filter SortingTests
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/setup.sh"
scratch=$here/.build/sanitizing
mkdir -p "$scratch"
# Engines and the system's thread pools keep memory until the end, which is no leak of ours.
export ASAN_OPTIONS=detect_leaks=0

echo "The loops in C, for each instruction set that this processor has"
for set in sse2:-mno-avx avx2:-mavx2 fma:-mavx2,-mfma avx512f:-mavx512f; do
  grep -qw "${set%%:*}" /proc/cpuinfo || continue
  IFS=, read -ra flags <<<"${set#*:}"
  # All loops but the products in panels, which have no form for other processors.
  mapfile -t loops < <(find "$here/Sources/CKernels" -name '*.c' ! -name panels.c)
  clang -g -O1 -fuse-ld=lld -fsanitize=address,undefined -fno-sanitize-recover=all \
    -DCLONES= -DCLONES_WITH_FMA= "${flags[@]}" -I "$here/Sources/CKernels/include" \
    "${loops[@]}" "$here/Tests/InstructionSets/loops.c" -lm -o "$scratch/loops"
  "$scratch/loops" >/dev/null
  echo "  ${flags[*]}: nothing found"
done

# Swift has no runtime for undefined behaviour: what is found in C there ends the process.
echo "The tests of the kernels"
RELATE_SANITIZING=1 swift test --package-path "$here" --scratch-path "$scratch" -c release \
  --sanitize=address -Xswiftc -enable-testing \
  -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined "$@"
