// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sql_functions.h"

#include <cstdint>
#include <vector>

#include "tests/support/catch.h"

namespace kindred::test {
namespace {

// Steele, Lea & Flood 2014, SplitMix.
class Random {
 public:
  explicit Random(int64_t seed) : state_(static_cast<uint64_t>(seed) * 0x9E3779B97F4A7C15ULL) {}
  uint64_t bits() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // A sum of four uniform numbers: exact in float32 on every machine.
  float normal() {
    const uint64_t z = bits();
    int sum = 0;
    for (int shift = 0; shift < 64; shift += 16) sum += static_cast<int>(z >> shift & 0xFFFF);
    return static_cast<float>(sum - 131070) / 32768.0F;
  }

 private:
  uint64_t state_;
};

void random_vector(sqlite3_context* context, int, sqlite3_value** values) {
  Random random(sqlite3_value_int64(values[0]));
  std::vector<float> v(static_cast<size_t>(sqlite3_value_int(values[1])));
  for (float& x : v) x = random.normal();
  sqlite3_result_blob(context, v.data(), static_cast<int>(v.size() * sizeof(float)),
                      SQLITE_TRANSIENT);
}

void random_bytes(sqlite3_context* context, int, sqlite3_value** values) {
  Random random(sqlite3_value_int64(values[0]));
  std::string bytes(static_cast<size_t>(sqlite3_value_int(values[1])), '\0');
  for (char& c : bytes) c = static_cast<char>(random.bits() >> 56);
  sqlite3_result_blob(context, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

void tick(sqlite3_context* context, int, sqlite3_value** values) {
  ++*static_cast<size_t*>(sqlite3_user_data(context));
  sqlite3_result_value(context, values[0]);
}

}  // namespace

SqlFunctions::SqlFunctions(Database& db) {
  const int pure = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  const auto add = [&](const char* name, int count, int flags, auto* body) {
    REQUIRE(sqlite3_create_function(db.handle(), name, count, flags, &ticks_, body, nullptr,
                                    nullptr) == SQLITE_OK);
  };
  add("random_vector", 2, pure, &random_vector);
  add("random_bytes", 2, pure, &random_bytes);
  add("tick", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, &tick);
}

size_t SqlFunctions::ticks() {
  const size_t ticks = ticks_;
  ticks_ = 0;
  return ticks;
}

std::string numbers(int n) {
  return "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
         std::to_string(n) + ") SELECT i FROM n)";
}

void check_error(Database& db, const std::string& sql,
                 std::initializer_list<std::string_view> parts) {
  const std::string message = db.error(sql);
  INFO(sql);
  INFO("message: " << message);
  CHECK(!message.empty());
  for (const std::string_view part : parts) {
    INFO("wanted: " << part);
    CHECK(message.find(part) != std::string::npos);
  }
}

}  // namespace kindred::test
