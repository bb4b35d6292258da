// The ends of a connection's statements, nested ones too: counted, and one of them interrupted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/database.h"

namespace kindred::test {

class StatementEnds {
 public:
  explicit StatementEnds(Database& db) : db_(db) { watch(); }
  ~StatementEnds() { ignore(); }
  StatementEnds(const StatementEnds&) = delete;
  StatementEnds& operator=(const StatementEnds&) = delete;

  void watch() { sqlite3_trace_v2(db_.handle(), SQLITE_TRACE_PROFILE, &call, this); }
  void ignore() { sqlite3_trace_v2(db_.handle(), 0, nullptr, nullptr); }

  int seen = 0;
  int interrupt_at = 0;  // 0: never

 private:
  static int call(unsigned, void* self, void*, void*) {
    auto& me = *static_cast<StatementEnds*>(self);
    if (++me.seen == me.interrupt_at) sqlite3_interrupt(me.db_.handle());
    return 0;
  }

  Database& db_;
};

}  // namespace kindred::test
