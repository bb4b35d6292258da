#!/usr/bin/env bash
# Builds everything and runs all tests. Arguments go to ctest: `./test.sh -R house`.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

./build.sh
printf 'test.sh: running the tests\n'
status=0
ctest --test-dir build --output-on-failure --no-tests=error --parallel "${JOBS:-$(nproc)}" \
  --output-junit "$PWD/build/tests.xml" "$@" || status=$?
# ctest hides why a test was skipped: say it, then count, as the last line.
python3 tests/support/summary.py build/tests.xml
exit "$status"
