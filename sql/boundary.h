// The border between C++ and SQLite: every callback handed to SQLite runs inside guard(), which
// makes result codes of exceptions, so that none ever crosses into C.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <stdexcept>
#include <string>

#include "sql/sqlite.h"
#include "storage/error.h"

namespace kindred::sql {

// An SQL error with a result code of its own, e.g. SQLITE_CONSTRAINT. Everything else that is
// thrown becomes SQLITE_ERROR with its what(), out of memory SQLITE_NOMEM.
class Error : public std::runtime_error {
 public:
  Error(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const noexcept { return code_; }

 private:
  int code_;
};

inline int sqlite_code(storage::Fault fault) noexcept {
  switch (fault) {
    case storage::Fault::kNewer:
      return SQLITE_ERROR;
    case storage::Fault::kCorrupt:
      return SQLITE_CORRUPT_VTAB;
    case storage::Fault::kMissing:
      return SQLITE_CANTOPEN;
    case storage::Fault::kBusy:
      return SQLITE_BUSY;
    case storage::Fault::kFull:
      return SQLITE_FULL;
    case storage::Fault::kIo:
      return SQLITE_IOERR;
  }
  return SQLITE_ERROR;
}

// Runs body(); on an exception calls report(code, message) and returns the code.
// `report` is noexcept and copies the message.
template <class Body, class Report>
int guard(Body&& body, Report&& report) noexcept {
  try {
    body();
    return SQLITE_OK;
  } catch (const std::bad_alloc&) {
    report(SQLITE_NOMEM, "out of memory");
    return SQLITE_NOMEM;
  } catch (const Error& e) {
    report(e.code(), e.what());
    return e.code();
  } catch (const storage::StorageError& e) {
    report(sqlite_code(e.fault()), e.what());
    return sqlite_code(e.fault());
  } catch (const std::exception& e) {
    report(SQLITE_ERROR, e.what());
    return SQLITE_ERROR;
  } catch (...) {
    report(SQLITE_ERROR, "unknown exception");
    return SQLITE_ERROR;
  }
}

// Replaces an sqlite3_malloc'd message, as pzErr and zErrMsg want it.
inline void set_message(char** slot, const char* text) noexcept {
  if (slot == nullptr) return;
  sqlite3_free(*slot);
  *slot = sqlite3_mprintf("%s", text);
}

// Reports into the result of an SQL function.
struct ContextReport {
  sqlite3_context* context;
  void operator()(int code, const char* text) const noexcept {
    if (code == SQLITE_NOMEM) {
      sqlite3_result_error_nomem(context);
      return;
    }
    sqlite3_result_error(context, text, -1);
    if (code != SQLITE_ERROR) sqlite3_result_error_code(context, code);
  }
};

}  // namespace kindred::sql
