// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log.h"

#include <algorithm>
#include <thread>

#include "storage/error.h"
#include "tests/support/catch.h"
#include "tests/support/fake_log.h"
#include "tests/support/random.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr VectorSpec kPlane{Element::kFloat32, Metric::kL2, 2};

// A connection: a snapshot and the view that answers for it.
struct Client {
  explicit Client(std::shared_ptr<TailCache> cache) : view(kPlane, "films_log", std::move(cache)) {}

  Vectors ask(bool writing = false, const OnlyIds& only = std::nullopt) {
    Vectors sealed = log.sealed_vectors;
    if (only)
      std::erase_if(sealed, [&](const auto& entry) {
        return std::find(only->begin(), only->end(), entry.first) == only->end();
      });
    return vectors_in(view.layers(log, writing, only), sealed, kPlane.bytes());
  }
  bool is_right(bool writing, Random& random) {
    if (random.one_in(3)) return ask(writing) == log.vectors;
    std::vector<int64_t> only;
    for (int64_t n = random.below(8); n > 0; --n) only.push_back(random.below(30));
    Vectors wanted = log.vectors;
    std::erase_if(wanted, [&](const auto& entry) {
      return std::find(only.begin(), only.end(), entry.first) == only.end();
    });
    return ask(writing, std::span<const int64_t>(only)) == wanted;
  }

  FakeLog log;
  LogView view;
};

std::shared_ptr<TailCache> new_cache() {
  return std::make_shared<TailCache>(kPlane, "films_log");
}

std::string one(float x) {
  return bytes_of({x, 0});
}

// The message of the StorageError that the question ends in.
std::string refusal(Client& client, bool writing) {
  try {
    client.ask(writing);
  } catch (const StorageError& error) {
    return error.what();
  }
  return "";
}

void change(FakeLog& log, Random& random) {
  if (log.sealed_cn == 0 && random.one_in(30)) return log.cut();
  if (random.one_in(30)) return log.seal(random.one_in(2));
  const int64_t id = random.below(30);
  if (log.vectors.count(id) > 0 && random.one_in(3))
    log.erase(id);
  else
    log.put(id, bytes_of(random.vector(2)));
}

}  // namespace

TEST_CASE("every snapshot of any history is answered from one cache", "[storage][log]") {
  for (uint64_t usual = 1; usual <= 12; ++usual) {
    const uint64_t own = seed(usual);
    INFO("seed " << own);
    Random random(own);
    const auto cache = new_cache();
    FakeLog committed;
    std::vector<std::unique_ptr<Client>> readers;
    for (int i = 0; i < 4; ++i) readers.push_back(std::make_unique<Client>(cache));
    Client writer(cache);
    for (int step = 0; step < steps(400); ++step) {
      INFO("step " << step);
      writer.log = committed;
      for (int64_t n = random.below(12); n > 0; --n) {
        const FakeLog savepoint = writer.log;
        change(writer.log, random);
        if (random.one_in(2)) REQUIRE(writer.is_right(true, random));
        if (!random.one_in(4)) continue;
        const int64_t next_cn = writer.log.next_cn;  // goes on counting after ROLLBACK TO
        writer.log = savepoint;
        writer.log.next_cn = next_cn;
        if (random.one_in(2)) REQUIRE(writer.is_right(true, random));
      }
      if (!random.one_in(3)) committed = writer.log;  // else ROLLBACK: its numbers come again
      committed.next_cn = committed.last().cn + 1;
      for (const auto& reader : readers) {
        if (random.one_in(4)) reader->log = committed;
        if (random.one_in(2)) REQUIRE(reader->is_right(false, random));
      }
    }
  }
}

TEST_CASE("rows are read once, and only the newer ones after that", "[storage][log]") {
  const auto cache = new_cache();
  Client first(cache);
  for (int64_t id = 0; id < 100; ++id) first.log.put(id, one(1));
  first.ask();
  CHECK(first.log.rows_read == 100);
  first.ask();
  CHECK(first.log.rows_read == 100);
  Client second(cache);
  second.log = first.log;
  second.log.put(3, one(2));
  second.log.erase(4);
  CHECK(second.ask() == second.log.vectors);
  CHECK(second.log.rows_read == 102);
  CHECK(first.ask() == first.log.vectors);  // its snapshot is one the cache remembers
  CHECK(first.log.rows_read == 100);
}

TEST_CASE("a snapshot older than the cache is read once for its connection", "[storage][log]") {
  const auto cache = new_cache();
  Client old(cache);
  old.log.put(1, one(1));
  old.log.put(2, one(2));
  Client current(cache);
  current.log = old.log;
  for (float x = 3; x < 103; ++x) current.log.put(1, one(x));  // past what the cache remembers
  current.ask();
  CHECK(old.ask() == old.log.vectors);
  CHECK(old.log.rows_read == 2);
  CHECK(old.ask() == old.log.vectors);
  CHECK(old.log.rows_read == 2);
  Client older(cache);
  older.log.put(1, one(9));
  old.log = older.log;  // another history, older than what was read
  CHECK(old.ask() == old.log.vectors);
  current.log.cut();
  CHECK(current.ask() == current.log.vectors);
  CHECK(old.ask() == old.log.vectors);
}

TEST_CASE("the same change number with another nonce is another history", "[storage][log]") {
  const auto cache = new_cache();
  Client a(cache);
  a.log.put(1, one(1));
  a.log.put(2, one(2));
  CHECK(a.ask() == a.log.vectors);
  Client b(cache);
  b.log.put(1, one(5));
  b.log.put(3, one(6));
  CHECK(b.ask() == b.log.vectors);
  CHECK(a.ask() == a.log.vectors);
  b.log.put(4, one(7));
  CHECK(b.ask() == b.log.vectors);
  CHECK(a.ask(true) == a.log.vectors);
  CHECK(b.ask(true) == b.log.vectors);
}

TEST_CASE("what a write transaction sees never reaches the cache", "[storage][log]") {
  const auto cache = new_cache();
  Client writer(cache);
  writer.log.put(1, one(1));
  CHECK(writer.ask() == writer.log.vectors);
  Client reader(cache);
  reader.log = writer.log;
  writer.log.put(1, one(2));
  writer.log.put(2, one(2));
  CHECK(writer.ask(true) == writer.log.vectors);
  CHECK(reader.ask() == reader.log.vectors);
  writer.log = reader.log;  // ROLLBACK
  CHECK(writer.ask() == writer.log.vectors);
  writer.log.put(1, one(3));  // the same change number
  CHECK(writer.ask(true) == writer.log.vectors);
  reader.log = writer.log;  // COMMIT
  CHECK(reader.ask() == reader.log.vectors);
  CHECK(writer.ask() == writer.log.vectors);
}

TEST_CASE("a cut hides what its transaction removed, and its ROLLBACK brings it back",
          "[storage][log]") {
  const auto cache = new_cache();
  Client writer(cache);
  for (int64_t id = 1; id <= 5; ++id) writer.log.put(id, one(1));
  const FakeLog before = writer.log;
  writer.ask();
  writer.log.erase(2);
  writer.log.cut();
  CHECK(writer.ask(true) == writer.log.vectors);
  const FakeLog after = writer.log;
  writer.log = before;
  CHECK(writer.ask(true) == before.vectors);
  writer.log = after;
  CHECK(writer.ask() == after.vectors);
  writer.log = before;
  CHECK(writer.ask() == before.vectors);
}

TEST_CASE("a cache of many dead rows is compacted and answers as before", "[storage][log]") {
  const auto cache = new_cache();
  Client client(cache);
  Client old(cache);
  for (int64_t i = 0; i < 26000; ++i) {
    client.log.put(i % 100, bytes_of({static_cast<float>(i), 1}));
    if (i == 11000) old.log = client.log;
    if (i % 1000 == 0) REQUIRE(client.ask() == client.log.vectors);
  }
  CHECK(client.ask() == client.log.vectors);
  const std::vector<RowLayer> layers = client.view.layers(client.log, false, std::nullopt).layers;
  CHECK(layers.front().count < 12000);
  CHECK(old.ask() == old.log.vectors);
  CHECK(client.ask(true) == client.log.vectors);
}

TEST_CASE("a corrupt row fails the question and nothing after it is mended", "[storage][log]") {
  const bool writing = GENERATE(false, true);
  const auto cache = new_cache();
  Client client(cache);
  Client other(cache);
  for (int64_t id = 1; id <= 5; ++id) client.log.put(id, one(1));
  if (GENERATE(false, true)) other.ask();
  other.log = client.log;
  FakeLog::Row& row = client.log.rows[3];
  const FakeLog::Row good = row;
  SECTION("of the wrong length") {
    row.vector = "?";
  }
  SECTION("of an unknown operation") {
    row.op = 9;
  }
  SECTION("that is not finite") {
    row.vector = std::string(8, '\xff');
  }
  for (int i = 0; i < 2; ++i) CHECK(refusal(client, writing).find("films_log: row 3: ") == 0);
  CHECK(other.ask() == other.log.vectors);  // whose snapshot is whole
  row = good;
  CHECK(client.ask(writing) == client.log.vectors);
  client.log.put(6, one(2));
  CHECK(client.ask(writing) == client.log.vectors);
}

TEST_CASE("a corrupt row behind a cut leaves no rows from before the cut", "[storage][log]") {
  const auto cache = new_cache();
  Client writer(cache);
  for (int64_t id = 1; id <= 5; ++id) writer.log.put(id, one(1));
  CHECK(writer.ask() == writer.log.vectors);
  CHECK(writer.ask(true) == writer.log.vectors);
  writer.log.put(9, one(4));
  CHECK(writer.ask(true) == writer.log.vectors);
  writer.log.erase(2);
  writer.log.cut();
  writer.log.put(6, one(2));
  FakeLog::Row& row = writer.log.rows.rbegin()->second;
  row.op = 9;
  CHECK(refusal(writer, true) != "");
  row.op = static_cast<int64_t>(Op::kPut);
  CHECK(writer.ask(true) == writer.log.vectors);
}

TEST_CASE("collections of one file and id share a cache while one is open", "[storage][log]") {
  const auto a = shared_tail("/a.db", "1", kPlane, "films_log");
  CHECK(shared_tail("/a.db", "1", kPlane, "films_log") == a);
  CHECK(shared_tail("/a.db", "2", kPlane, "films_log") != a);
  CHECK(shared_tail("/b.db", "1", kPlane, "films_log") != a);
  CHECK(shared_tail("", "1", kPlane, "films_log") != shared_tail("", "1", kPlane, "films_log"));
}

TEST_CASE("threads ask one cache for snapshots of any age at once", "[storage][log][threads]") {
  const auto cache = new_cache();
  Random random(3);
  FakeLog log;
  std::vector<FakeLog> snapshots;
  for (int i = 0; i < 40; ++i) {
    for (int n = 0; n < 20; ++n) change(log, random);
    snapshots.push_back(log);
  }
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      Client client(cache);
      Random own(t);
      for (int64_t i = 0; i < 400; ++i) {
        const int64_t newest = std::min<int64_t>(i / 10, 39);
        client.log = snapshots[static_cast<size_t>(std::max<int64_t>(newest - own.below(4), 0))];
        if (client.ask(own.one_in(5)) != client.log.vectors) ++wrong[t];
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}
