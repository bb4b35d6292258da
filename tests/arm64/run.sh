#!/usr/bin/env bash
# Builds test programs for 64-bit ARM and runs them under qemu: those named as arguments, else all
# that need no other program. Installs the cross compiler, qemu and mmdebstrap where they are missing,
# and unpacks this release's arm64 packages once, in build-arm64/sysroot: the system's own packages
# stay as they are. For Debian and Ubuntu.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools=(g++-aarch64-linux-gnu qemu-user mmdebstrap)
libraries=(
  libsqlite3-dev librocksdb-dev libhnswlib-dev libxsimd-dev
  nlohmann-json3-dev libutf8proc-dev libxxhash-dev catch2
)
programs=(
  kindred_math_tests kindred_model_tests kindred_storage_tests kindred_graph_tests kindred_tests
)
sysroot=build-arm64/sysroot

# Packages link to libraries by absolute paths, which would lead out of the folder.
make_links_relative() {
  local link
  while read -r link; do
    ln -snfr "$1$(readlink "$link")" "$link"
  done < <(find "$1" -type l -lname '/*')
}

if ! type -P aarch64-linux-gnu-g++ qemu-aarch64 mmdebstrap >/dev/null; then
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

(($# == 0)) || programs=("$@")
cmake --preset arm64
cmake --build build-arm64 --parallel "${JOBS:-$(nproc)}" --target "${programs[@]}"
ctest --test-dir build-arm64 --output-on-failure --no-tests=error --parallel "${JOBS:-$(nproc)}" \
  --tests-regex "^($(IFS='|'; printf '%s' "${programs[*]}"))\$"
