// Lets a test call code of sql/ that is linked into it, apart from the extension it loads. What
// that code keeps for the process is its own: a database is used by one of the two.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kindred::test {

// To be called before the connection is opened.
void use_host_sqlite();

}  // namespace kindred::test
