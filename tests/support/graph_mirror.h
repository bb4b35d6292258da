// A collection large enough for a graph and an ordinary table with the same rows: brute force over
// the table says what searches of the collection must answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

namespace kindred::test {

// What the vectors are.
struct GraphMirrorKind {
  std::string column;    // as the CREATE statement has it: "bit[64]"
  std::string options;   // the same: ", quantize='none'"
  std::string distance;  // of two vectors: "vec_distance_hamming", "-vec_dot"
  std::string type;      // function that a stored vector is read with, "" for float32
  std::string range;     // a condition on `distance` that some thousand rows fulfil, or fewer
  int rows = 0;
  // SQL of the vector that an SQL number makes. One row in five is to have twins.
  std::function<std::string(const std::string& number)> vector;
};

// `number`, or one of 300 for one in five: what vectors with twins are made from.
std::string number_with_twins(const std::string& number);

// The collection `marks(v, year, owner)`, optimized, and the table `mirror`.
class GraphMirror {
 public:
  // Makes both.
  GraphMirror(const std::string& path, GraphMirrorKind kind);

  Database& db() { return db_; }
  void optimize() { db_.run("INSERT INTO marks(marks) VALUES('optimize')"); }
  // A statement, in which @ stands for the table and # for its rowid, on both.
  void on_both(const std::string& sql);
  // SQL of a random vector.
  std::string any_query(Random& random) const;
  // One statement on both tables: of a row, of a few hundred, or of many equal ones.
  void change(Random& random);

  std::vector<std::string> brute_force(const std::string& query, const std::string& where, int k);
  // "" or what is wrong with the k nearest rows that pass: those that a graph may miss, and those
  // that no search may.
  std::string differs(const std::string& query, const std::string& where, int k);
  // The same of all rows in a range of distances, of all in order, and of the nearest with a
  // condition of a join.
  std::string stream_differs(const std::string& query);

  // Of all answers so far: the share of the true ones, and how many rows graphs gave.
  double recall() const { return static_cast<double>(found_) / static_cast<double>(wanted_); }
  size_t by_graph() const { return by_graph_; }

 private:
  std::string distance_to(const std::string& query) const;

  GraphMirrorKind kind_;
  Database db_;
  SqlFunctions functions_;
  size_t found_ = 0;
  size_t wanted_ = 0;
  size_t by_graph_ = 0;
};

// Changes both at random, in savepoints too, and searches after each step. Throws
// std::runtime_error where they differ.
void follow_history(GraphMirror& marks, Random& random, int64_t length);

}  // namespace kindred::test
