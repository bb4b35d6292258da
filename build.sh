#!/usr/bin/env bash
# Installs what the build needs (Debian 12 and Ubuntu 24.04 by package names), configures the
# `release` preset in build/ and builds the targets named as arguments; all of them without one.
# Safe to run again: it takes seconds when there is nothing to do.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

packages=(
  g++ cmake ninja-build pkg-config python3
  libsqlite3-dev sqlite3 librocksdb-dev libhnswlib-dev libxsimd-dev
  nlohmann-json3-dev libutf8proc-dev libxxhash-dev catch2
)

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

# Names the packages of the list that dpkg does not hold as installed.
missing_packages() {
  local name
  for name in "${packages[@]}"; do
    # An unknown package makes dpkg-query fail, which here means: missing.
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" == installed ]] ||
      printf '%s\n' "$name"
  done
}

install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "no apt here. Needed, with headers: a C++20 compiler, cmake >= 3.22, ninja, pkg-config," \
      "python3, SQLite >= 3.38 and its shell, RocksDB, hnswlib, xsimd, nlohmann-json, utf8proc," \
      "xxHash, Catch2. Going on: cmake says what it does not find."
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} > 0)) || return 0
  local root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      say "neither root nor sudo. As root, run: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    root=(sudo)
  fi
  say "installing ${missing[*]}"
  # DEBIAN_FRONTEND goes through env, since sudo drops the caller's environment.
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=120 \
    --no-install-recommends install "${missing[@]}" >/dev/null
}

# cmake talks at length about what went well: its words are kept in a file and shown on failure.
configure() {
  mkdir -p build
  if ! cmake --preset release >build/configure.log 2>&1; then
    cat build/configure.log >&2
    say "cmake could not configure the build" >&2
    exit 1
  fi
}

build() {
  local targets=("$@")
  ((${#targets[@]} > 0)) || targets=(all)
  say "building ${targets[*]} in build/ (the first time that takes minutes)"
  # On a terminal ninja shows its progress in one line; elsewhere that would be hundreds.
  local quiet=()
  [[ -t 1 || "$(ninja --help 2>&1)" != *--quiet* ]] || quiet=(-- --quiet)
  cmake --build build --parallel "${JOBS:-$(nproc)}" --target "${targets[@]}" "${quiet[@]}"
}

install_packages
configure
build "$@"
