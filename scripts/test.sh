#!/usr/bin/env bash
# Installs what is missing, checks the format, builds and runs all tests, then the examples. Arguments go
# to `swift test`, e.g. scripts/test.sh --filter TensorsTests; the examples are then left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/setup.sh"

echo "Checking the format"
swift format lint --strict --recursive --parallel --configuration "$here/.swift-format" \
  "$here/Sources" "$here/Tests" "$here/examples/Sources" "$here/Package.swift"

# In release mode, because arithmetic without optimisation is too slow to test, and in a build folder
# of its own, because testability makes other objects than scripts/train.sh needs.
echo "Building and testing (some minutes the first time)"
swift test --package-path "$here" --scratch-path "$here/.build/testing" -c release \
  -Xswiftc -enable-testing "$@"
[ $# -eq 0 ] || exit 0

echo "Building and running the examples (a minute more)"
for example in Derivatives OwnTask; do
  swift run --package-path "$here/examples" --scratch-path "$here/.build/examples" -c release "$example"
done
