// Golden values marked "sqlite-vec" were obtained from sqlite-vec 0.1.9 for the same call;
// tests/compare_sqlite_vec.sh repeats the comparison.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {

double number(Database& db, const std::string& expression,
              const std::vector<Database::Parameter>& parameters = {}) {
  return std::stod(db.rows("SELECT " + expression, parameters).at(0));
}

// The distances in double arithmetic.
struct Reference {
  double dot = 0, aa = 0, bb = 0, l1 = 0, l2 = 0;

  template <class T>
  Reference(const std::vector<T>& a, const std::vector<T>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const double x = a[i], y = b[i];
      dot += x * y;
      aa += x * x;
      bb += y * y;
      l1 += std::fabs(x - y);
      l2 += (x - y) * (x - y);
    }
    l2 = std::sqrt(l2);
  }
  double cosine() const { return dot / std::sqrt(aa * bb); }
};

Database::Parameter bytes(const std::vector<int8_t>& v) {
  return {Database::Parameter::Kind::kBlob, std::string(v.begin(), v.end())};
}

}  // namespace

TEST_CASE("distances of small vectors have their textbook values", "[sql][vector][isa]") {
  Database db;
  CHECK(db.one("SELECT vec_distance_l2('[0,0]','[3,4]'), vec_distance_l1('[0,0]','[3,-4]'), "
               "vec_dot('[1,2]','[3,4]'), cosine('[1,0]','[0,1]')") == "5.0|7.0|11.0|0.0");
  CHECK(db.one("SELECT cosine('[1,2]','[2,4]'), cosine('[1,2]','[-1,-2]'), "
               "vec_distance_cosine('[1,2]','[-2,-4]')") == "1.0|-1.0|2.0");
  CHECK(db.one("SELECT vec_dot('[1,0]','[0,1]')") == "0.0");
}

TEST_CASE("distances give the values of sqlite-vec", "[sql][vector][isa]") {
  Database db;
  CHECK(number(db, "vec_distance_l2('[1,2]','[3,4]')") == Approx(2.8284270763397217));
  CHECK(number(db, "vec_distance_l2('[1.5,2.25,3]','[4,3,2]')") == Approx(2.7950849533081055));
  CHECK(number(db, "vec_distance_l1('[1.5,2.25,3]','[4,3,2]')") == Approx(4.25));
  CHECK(number(db, "vec_distance_cosine('[1,2]','[3,4]')") == Approx(0.01613008975982666));
  CHECK(number(db, "vec_distance_cosine('[1,2,3,4]','[4,3,2,1]')") == Approx(0.3333333432674408));
  CHECK(number(db, "vec_distance_l2(vec_int8('[100,-128]'),vec_int8('[-100,127]'))") ==
        Approx(324.07562255859375));
  CHECK(number(db, "vec_distance_cosine(vec_int8('[100,-128]'),vec_int8('[-100,127]'))") ==
        Approx(1.9999927282333374));
  CHECK(db.one("SELECT vec_distance_l1(vec_int8('[100,-128]'),vec_int8('[-100,127]'))") == "455");
  CHECK(db.one("SELECT vec_distance_hamming(vec_bit(x'ff00'),vec_bit(x'0f01'))") == "5.0");
}

TEST_CASE("float32 distances agree with double arithmetic at every length", "[sql][vector][isa]") {
  Database db;
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  for (size_t dim = 1; dim <= 70; ++dim) {
    std::vector<float> a(dim), b(dim);
    for (float& x : a) x = normal(random);
    for (float& x : b) x = normal(random);
    const Reference r(a, b);
    const std::vector<Database::Parameter> pair = {blob(a), blob(b)};
    const double dot_scale = std::sqrt(r.aa * r.bb);
    INFO("dim " << dim);
    CHECK(number(db, "vec_dot(?1, ?2)", pair) == Approx(r.dot).margin(1e-6 * dot_scale));
    CHECK(number(db, "vec_distance_l2(?1, ?2)", pair) == Approx(r.l2).epsilon(1e-6));
    CHECK(number(db, "vec_distance_l1(?1, ?2)", pair) == Approx(r.l1).epsilon(1e-6));
    CHECK(number(db, "cosine(?1, ?2)", pair) == Approx(r.cosine()).margin(1e-6));
    CHECK(number(db, "vec_distance_cosine(?1, ?2)", pair) == Approx(1 - r.cosine()).margin(1e-6));
  }
}

TEST_CASE("int8 distances agree with double arithmetic at every length", "[sql][vector][isa]") {
  Database db;
  std::mt19937 random(12);
  for (size_t dim = 1; dim <= 140; dim += 3) {
    std::vector<int8_t> a(dim), b(dim);
    for (int8_t& x : a) x = static_cast<int8_t>(random());
    for (int8_t& x : b) x = static_cast<int8_t>(random());
    a[0] = b[0] = -128;
    const Reference r(a, b);
    const std::vector<Database::Parameter> pair = {bytes(a), bytes(b)};
    INFO("dim " << dim);
    CHECK(number(db, "vec_dot(vec_int8(?1), vec_int8(?2))", pair) == r.dot);
    CHECK(number(db, "vec_distance_l1(vec_int8(?1), vec_int8(?2))", pair) == r.l1);
    CHECK(number(db, "vec_distance_l2(vec_int8(?1), vec_int8(?2))", pair) ==
          Approx(r.l2).epsilon(1e-6));
    CHECK(number(db, "cosine(vec_int8(?1), vec_int8(?2))", pair) ==
          Approx(r.cosine()).margin(1e-6));
  }
}

TEST_CASE("hamming distance counts differing bits", "[sql][vector][isa]") {
  Database db;
  std::mt19937 random(13);
  for (size_t size = 1; size <= 70; ++size) {
    std::vector<int8_t> a(size), b(size);
    int differing = 0;
    for (size_t i = 0; i < size; ++i) {
      a[i] = static_cast<int8_t>(random());
      b[i] = static_cast<int8_t>(random());
      for (int bit = 0; bit < 8; ++bit) differing += ((a[i] ^ b[i]) >> bit) & 1;
    }
    CHECK(number(db, "vec_distance_hamming(vec_bit(?1), vec_bit(?2))", {bytes(a), bytes(b)}) ==
          differing);
  }
}

TEST_CASE("cosine with a zero vector is NULL", "[sql][vector][isa]") {
  Database db;
  CHECK(db.one("SELECT cosine('[0,0]','[1,2]'), cosine('[1,2]','[0,0]'), cosine('[0]','[0]')") ==
        "NULL|NULL|NULL");
  CHECK(db.one("SELECT vec_distance_cosine('[0,-0]','[1,2]'), "
               "vec_distance_cosine(vec_int8('[0,0]'), vec_int8('[4,3]'))") == "NULL|NULL");
  CHECK(db.one("SELECT vec_distance_l2('[0,0]','[0,0]'), vec_dot('[0,0]','[1,2]')") == "0.0|0.0");
}

TEST_CASE("cosine stays within -1 and 1", "[sql][vector][isa]") {
  Database db;
  std::mt19937 random(14);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 300; ++round) {
    std::vector<float> a(1 + random() % 50), b;
    for (float& x : a) x = normal(random);
    for (const float x : a) b.push_back(-3 * x);
    CHECK(db.rows("SELECT abs(cosine(?1, ?1) - 1) < 1e-6 AND cosine(?1, ?1) <= 1 AND "
                  "cosine(?1, ?2) >= -1 AND vec_distance_cosine(?1, ?1) >= 0 AND "
                  "vec_distance_cosine(?1, ?2) <= 2",
                  {blob(a), blob(b)}) == std::vector<std::string>{"1"});
  }
}

TEST_CASE("sums beyond float32 do not spoil a distance", "[sql][vector][isa]") {
  Database db;
  CHECK(number(db, "cosine('[1e30,1e30]','[1e30,0]')") == Approx(std::sqrt(0.5)));
  CHECK(number(db, "cosine('[1e-30,1e-30]','[1e-30,0]')") == Approx(std::sqrt(0.5)));
  CHECK(number(db, "vec_distance_l2('[3e38,3e38]','[-3e38,3e38]')") == Approx(6e38));
  CHECK(number(db, "vec_distance_l1('[3e38,3e38]','[-3e38,3e38]')") == Approx(6e38));
  CHECK(number(db, "vec_dot('[1e30,1]','[1e30,1]')") == Approx(1e60));
}

TEST_CASE("a metric refuses element types it is not defined for", "[sql][vector]") {
  Database db;
  for (const char* f :
       {"cosine", "vec_distance_cosine", "vec_distance_l2", "vec_distance_l1", "vec_dot"}) {
    const std::string name = f;
    CHECK(db.error("SELECT " + name + "(vec_bit(x'ff'), vec_bit(x'ff'))") ==
          name + "(): float32 or int8 vectors are wanted, got bit");
  }
  CHECK(db.error("SELECT vec_distance_hamming('[1]', '[1]')") ==
        "vec_distance_hamming(): bit vectors are wanted, got float32");
  CHECK(db.error("SELECT vec_distance_hamming(vec_int8('[1]'), vec_int8('[1]'))") ==
        "vec_distance_hamming(): bit vectors are wanted, got int8");
}
