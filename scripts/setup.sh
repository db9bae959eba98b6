#!/usr/bin/env bash
# What the other scripts need of a machine: sourced by them, idempotent, silent when nothing is missing.
# Needs Debian 12 (or a relative of it) and a Swift 6.1 toolchain or newer on the PATH.

required_packages=(
  libopenblas0-pthread libopenblas-dev libdnnl-dev libzmq3-dev libxxhash-dev libpng-dev libzip-dev libchipmunk-dev)

setup_fail() {
  echo "Error: $*" >&2
  exit 1
}

# Installs the Debian packages of these that are missing.
setup_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || setup_fail "these Debian packages are missing; install them as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  echo "Installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || setup_fail "apt-get update failed; check the network, then run this again."
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    setup_fail "apt-get install ${missing[*]} failed; install them by hand, then run this again."
}

setup_swift() {
  command -v swift >/dev/null || setup_fail "there is no swift on the PATH. Install the Swift toolchain, 6.1 or newer, from swift.org."
}

command -v dpkg-query >/dev/null || setup_fail "this is not Debian; install OpenBLAS, ZeroMQ, xxHash, libpng, libzip and Chipmunk 7 (and oneDNN 2, which is faster and may be absent) with their headers, then: swift build -c release"
setup_swift
setup_packages "${required_packages[@]}"
