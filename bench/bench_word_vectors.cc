// Importing word vectors: CPU time against reading the rows alone, peak memory, and how many
// analogies the imported rows solve (3CosAdd: Mikolov et al. 2013).
// Usage: bench_word_vectors FILE [QUESTIONS]
//        bench_word_vectors --generate WORDS DIM > FILE       (GloVe's text)
// The store's own cost is not in it: rows are dropped, or kept in memory for the analogies.
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "model/formats/fasttext_file.h"
#include "model/formats/word_vectors.h"
#include "tests/support/memory_model.h"

using namespace kindred;

namespace {

class Discard final : public model::PackWriter {
 public:
  void add_row(std::span<const float> row) override { values_ += row.size(); }
  void append(std::span<const uint8_t> bytes) override { pack_bytes_ += bytes.size(); }
  size_t pack_bytes() const { return pack_bytes_; }

 private:
  size_t values_ = 0, pack_bytes_ = 0;
};

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

template <class Work>
double seconds_of(Work work) {
  const double begin = cpu_seconds();
  work();
  return cpu_seconds() - begin;
}

model::ImportResult import(const std::string& path, model::PackWriter& writer) {
  const auto silent = [](size_t, size_t) {};
  return model::is_fasttext(path) ? model::import_fasttext(path, writer, silent)
                                  : model::import_word_vectors(path, writer, silent);
}

float sum_of_rows(const std::string& path) {
  float sum = 0;
  model::WordVectorReader reader(path);
  std::vector<float> row(reader.dim());
  while (reader.next(row)) sum += row.front();
  return sum;
}

// In turns, so that both see the same machine; the best of each counts.
void measure_import(const std::string& path) {
  constexpr int kTurns = 15;
  const double before = peak_megabytes();
  const bool has_rows = !model::is_fasttext(path);
  model::ImportResult result;
  Discard writer;
  double whole = 1e9, rows = 1e9;
  float sum = 0;
  for (int i = 0; i < kTurns; ++i) {
    writer = Discard();
    whole = std::min(whole, seconds_of([&] { result = import(path, writer); }));
    if (has_rows) rows = std::min(rows, seconds_of([&] { sum = sum_of_rows(path); }));
  }
  std::printf(
      "%s dim=%zu tokens=%zu: import %.1f ms CPU, pack %.1f MB, peak RSS %.1f MB (%.1f before)\n",
      result.kind.c_str(), result.dim, result.tokens, whole * 1e3,
      static_cast<double>(writer.pack_bytes()) / 1e6, peak_megabytes(), before);
  if (has_rows)
    std::printf("rows alone %.1f ms CPU; import / rows alone = %.2f (sum of first values %g)\n",
                rows * 1e3, whole / rows, static_cast<double>(sum));
}

// The rows of an imported table, each at length 1.
class Units {
 public:
  explicit Units(const model::EmbeddingTable& table) : table_(table), dim_(table.dim()) {
    rows_.resize(table.size() * dim_);
    for (model::TokenId id = 0; id < table.size(); ++id) {
      table.row(id, {&rows_[id * dim_], dim_});
      normalize(&rows_[id * dim_]);
    }
  }

  // Whether d is the nearest to b - a + c of all words but these three; false if one is missing.
  bool known(const std::vector<std::string>& words, std::vector<model::TokenId>& ids) const {
    ids.clear();
    for (const std::string& word : words) {
      std::string lower = word;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      auto id = table_.find(word);
      if (!id) id = table_.find(lower);
      if (!id) return false;
      ids.push_back(*id);
    }
    return true;
  }
  model::TokenId nearest(const std::vector<model::TokenId>& ids) const {
    std::vector<float> query(dim_);
    for (size_t i = 0; i < dim_; ++i) query[i] = at(ids[1], i) - at(ids[0], i) + at(ids[2], i);
    model::TokenId best = 0;
    float highest = -1e9F;
    for (model::TokenId id = 0; id < table_.size(); ++id) {
      if (id == ids[0] || id == ids[1] || id == ids[2]) continue;
      float dot = 0;
      for (size_t i = 0; i < dim_; ++i) dot += query[i] * at(id, i);
      if (dot > highest) {
        highest = dot;
        best = id;
      }
    }
    return best;
  }

 private:
  float at(model::TokenId id, size_t i) const { return rows_[id * dim_ + i]; }
  void normalize(float* row) const {
    double squares = 0;
    for (size_t i = 0; i < dim_; ++i) squares += static_cast<double>(row[i]) * row[i];
    if (squares == 0) return;
    for (size_t i = 0; i < dim_; ++i) row[i] = static_cast<float>(row[i] / std::sqrt(squares));
  }

  const model::EmbeddingTable& table_;
  size_t dim_;
  std::vector<float> rows_;
};

struct Section {
  std::string name;
  size_t asked = 0, known = 0, right = 0;
};

void print(const Section& section) {
  if (section.asked == 0) return;
  const double share = section.known == 0 ? 0
                                          : 100 * static_cast<double>(section.right) /
                                                static_cast<double>(section.known);
  std::printf("  %-28s %5zu questions, %5zu with known words, %5.1f %% of these right\n",
              section.name.c_str(), section.asked, section.known, share);
}

void measure_analogies(const std::string& path, const std::string& questions) {
  test::MemoryModel stored;
  import(path, stored);
  const auto embedder = stored.open();
  const Units units(*embedder->table());
  std::vector<model::TokenId> ids;
  if (units.known({"man", "king", "woman"}, ids))
    std::printf("king - man + woman = %s\n", embedder->table()->token(units.nearest(ids)).c_str());
  std::ifstream file(questions);
  Section section, all{"all"};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::vector<std::string> four;
    for (std::string word; words >> word;) four.push_back(word);
    if (four.size() == 2 && four[0] == ":") {
      print(section);
      section = {four[1]};
    }
    if (four.size() != 4) continue;
    for (Section* counted : {&section, &all}) ++counted->asked;
    if (!units.known(four, ids)) continue;
    const bool is_right = units.nearest(ids) == ids[3];
    for (Section* counted : {&section, &all}) {
      ++counted->known;
      counted->right += is_right ? 1 : 0;
    }
  }
  print(section);
  print(all);
}

void generate(size_t words, size_t dim) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> value(-99999, 99999);
  for (size_t i = 0; i < words; ++i) {
    std::printf("word%zu", i);
    for (size_t j = 0; j < dim; ++j) {
      const int x = value(random);
      std::printf(" %s0.%05d", x < 0 ? "-" : "", std::abs(x));
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[0] == "--generate") {
    generate(std::stoul(arguments[1]), std::stoul(arguments[2]));
    return 0;
  }
  if (arguments.empty() || arguments.size() > 2) {
    std::fprintf(stderr, "usage: bench_word_vectors FILE [QUESTIONS]\n");
    return 2;
  }
  try {
    measure_import(arguments[0]);
    if (arguments.size() == 2) measure_analogies(arguments[0], arguments[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
