#!/usr/bin/env bash
# Builds test programs for 64-bit ARM and runs them under qemu: those named as arguments, else the
# tests of kernels and storage, and `kindred`: the extension, loaded into an arm64 sqlite3 shell.
# Installs the cross compiler, qemu and mmdebstrap where one is missing, and unpacks this release's
# arm64 packages once, in build-arm64/sysroot: the system's own packages stay as they are. For Debian
# and Ubuntu.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools=(g++-aarch64-linux-gnu qemu-user mmdebstrap cmake ninja-build pkg-config)
libraries=(
  libsqlite3-dev librocksdb-dev libhnswlib-dev libxsimd-dev
  nlohmann-json3-dev libutf8proc-dev libxxhash-dev catch2 sqlite3
)
programs=(kindred kindred_math_tests kindred_storage_tests)
sysroot=build-arm64/sysroot

# Packages link to libraries by absolute paths, which would lead out of the folder.
make_links_relative() {
  local link
  while read -r link; do
    ln -snfr "$1$(readlink "$link")" "$link"
  done < <(find "$1" -type l -lname '/*')
}

if ! type -P aarch64-linux-gnu-g++ qemu-aarch64 mmdebstrap cmake ninja pkg-config >/dev/null; then
  root=()
  ((EUID == 0)) || root=(sudo)
  "${root[@]}" apt-get -qq update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
    "${tools[@]}"
fi

if [[ ! -d $sysroot ]]; then
  rm -rf "$sysroot.new"
  mkdir -p build-arm64
  release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
  mode=chrootless  # nothing of the packages is run: the files only have to be this user's
  ((EUID != 0)) || mode=root
  mmdebstrap --mode="$mode" --variant=extract --architectures=arm64 --components=main,universe \
    --include="$(IFS=,; printf '%s' "${libraries[*]}")" "$release" "$sysroot.new"
  make_links_relative "$sysroot.new"
  mv "$sysroot.new" "$sysroot"
fi

# What load_shell_test.sh finds as sqlite3.
mkdir -p build-arm64/bin
printf '#!/bin/sh\nexec qemu-aarch64 -L "%s" "%s/usr/bin/sqlite3" "$@"\n' "$PWD/$sysroot" \
  "$PWD/$sysroot" >build-arm64/bin/sqlite3
chmod +x build-arm64/bin/sqlite3
export PATH="$PWD/build-arm64/bin:$PATH"

(($# == 0)) || programs=("$@")
tests=("${programs[@]/%kindred/load: sqlite3 shell}")
cmake --preset arm64
cmake --build build-arm64 --parallel "${JOBS:-$(nproc)}" --target "${programs[@]}"
ctest --test-dir build-arm64 --output-on-failure --no-tests=error --parallel "${JOBS:-$(nproc)}" \
  --tests-regex "^($(IFS='|'; printf '%s' "${tests[*]}"))\$"
