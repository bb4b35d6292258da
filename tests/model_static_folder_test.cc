// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "model/formats/model2vec_folder.h"
#include "model/most_similar.h"
#include "model/tokenized_embedding.h"
#include "tests/support/catch.h"
#include "tests/support/embeddings.h"
#include "tests/support/files.h"
#include "tests/support/memory_model.h"
#include "tests/support/model_files.h"

using namespace kindred;

namespace {

void nothing(size_t, size_t) {}

test::MemoryModel imported(const std::string& folder) {
  test::MemoryModel model;
  model::import_static_folder(folder, model, nothing);
  return model;
}

std::string error(const std::string& folder) {
  return test::error_of([&] { imported(folder); });
}

// The text's vector as the model's own library gives it.
std::vector<float> encoded(const test::MemoryModel& stored, std::string_view text) {
  const auto model = stored.open();
  std::vector<float> out(model->identity().dim);
  if (!dynamic_cast<const model::TokenizedEmbedding&>(*model).encode(text, out)) out.clear();
  return out;
}

// "" and a warning if there are no fixtures.
std::string fixtures() {
  const std::string data = test::data_folder();
  if (data.empty()) WARN("skipped: no folder of real data");
  return data.empty() ? "" : data + "/model2vec-fixtures/";
}

void check_near(const std::vector<float>& got, const std::vector<float>& expected, double margin) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == Approx(expected[i]).epsilon(margin).margin(margin));
}

const std::string kTokenizer =
    R"({"model":{"type":"WordPiece","unk_token":"[UNK]",
        "vocab":{"[UNK]":0,"red":1,"green":2,"##ish":3}},
        "normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"}})";
const std::vector<float> kRows = {9, 9, 1, 0, 0, 1, 3, 4};

std::string table(const std::string& name, const std::vector<float>& rows = kRows) {
  return test::safetensors(R"({")" + name + R"(":{"dtype":"F32","shape":[)" +
                               std::to_string(rows.size() / 2) + R"(,2],"data_offsets":[0,)" +
                               std::to_string(rows.size() * 4) + "]}}",
                           test::packed(rows));
}

// A folder with a model of four tokens and two dimensions.
class Folder {
 public:
  Folder() {
    put("model.safetensors", table("embeddings"));
    put("tokenizer.json", kTokenizer);
  }
  void put(const std::string& name, std::string_view bytes) const {
    test::write_file(scratch_.file(name), bytes);
  }
  std::string path() const { return scratch_.path(); }

 private:
  test::ScratchDirectory scratch_;
};

}  // namespace

TEST_CASE("Model2Vec folders give the vectors that Model2Vec gives", "[model][import][data]") {
  const std::string folder = fixtures();
  if (folder.empty()) return;
  std::string hellos = "hello";
  for (int i = 1; i < 1000; ++i) hellos += " hello";
  const auto expected = [&](const char* name) {
    const auto json = nlohmann::json::parse(test::file_bytes(folder + name));
    return json[0].get<std::vector<float>>();
  };
  const struct {
    const char* folder;
    double margin;
  } models[] = {{"test-model-float32", 1e-5},
                {"test-model-sentence-transformers", 1e-5},
                {"test-model-float16", 2e-3},
                {"test-model-int8", 2e-2}};
  for (const auto& [name, margin] : models) {
    CAPTURE(name);
    const test::MemoryModel model = imported(folder + name);
    CHECK(model.dim == 2);
    CHECK(model.rows.size() == 2 * 29528);
    check_near(encoded(model, "hello world"), expected("embeddings_short.json"), margin);
    check_near(encoded(model, hellos), expected("embeddings_long.json"), margin);
  }
  const test::MemoryModel quantized = imported(folder + "test-model-vocab-quantized");
  CHECK(quantized.dim == 64);
  check_near(encoded(quantized, hellos), expected("embeddings_vocab_quantized.json"), 1e-5);
}

TEST_CASE("a model of 30,000 tokens opens within a tenth of a second", "[model][import][data]") {
  const std::string folder = fixtures();
  if (folder.empty()) return;
  for (const char* name : {"test-model-float32", "test-model-vocab-quantized"}) {
    const test::MemoryModel model = imported(folder + name);
    model.open();
    const std::clock_t begin = std::clock();
    const auto opened = model.open();
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    UNSCOPED_INFO(name << ": " << 1000 * seconds << " ms");
#ifdef NDEBUG
    CHECK(seconds < 0.1);
#endif
    CHECK(opened->table()->size() > 29'000);
  }
}

TEST_CASE("an imported text is the mean of its tokens' rows at length 1", "[model][import]") {
  const Folder folder;
  size_t reports = 0;
  test::MemoryModel stored;
  const model::ImportResult result = model::import_static_folder(
      folder.path(), stored, [&](size_t done, size_t total) { reports += done == total; });
  CHECK(result.kind == "model2vec");
  CHECK(result.dim == 2);
  CHECK(result.tokens == 4);
  CHECK(reports == 1);
  const auto model = stored.open("mine");
  const float length = std::sqrt(41.0F);
  check_near(test::embedded(*model, "Red GREENish", 2), {4 / length, 5 / length}, 1e-6);
  CHECK(test::embedded(*model, "greenish", 1) == std::vector<float>{1});
  CHECK(encoded(stored, "red greenish") == std::vector<float>{4 / 3.0F, 5 / 3.0F});
  CHECK(model->identity().name == "mine");
  CHECK(model->identity().dim == 2);
  CHECK(model->identity().pooling == "mean");
}

TEST_CASE("unknown tokens do not count, and a text of nothing else has no content",
          "[model][import]") {
  const Folder folder;
  const test::MemoryModel stored = imported(folder.path());
  const auto model = stored.open();
  CHECK(test::embedded(*model, "red blue", 2) == std::vector<float>{1, 0});
  for (const char* text : {"", "  \n", "blue", "!?"})
    CHECK(test::embedded(*model, text, 2).empty());
  const std::vector<model::TextToken> tokens = model->tokenize("red blue greenish");
  REQUIRE(tokens.size() == 4);
  CHECK(tokens[0].text == "red");
  CHECK(tokens[0].id == 1);
  CHECK(tokens[1].text == "[UNK]");
  CHECK(!tokens[1].id);
  CHECK(tokens[3].text == "##ish");
}

TEST_CASE("rows that cancel out give a vector of length 1 all the same", "[model][import]") {
  Folder folder;
  folder.put("model.safetensors", table("embeddings", {0, 0, 1, 0, -1, 0, 1e-30F, 1e-30F}));
  const test::MemoryModel stored = imported(folder.path());
  CHECK(test::is_unit(test::embedded(*stored.open(), "red green", 2)));
  CHECK(test::is_unit(test::embedded(*stored.open(), "red greenish", 2)));
}

TEST_CASE("the table of an imported model lists its tokens", "[model][import]") {
  const Folder folder;
  const test::MemoryModel stored = imported(folder.path());
  const auto model = stored.open();
  const model::EmbeddingTable& table = *model->table();
  REQUIRE(table.size() == 4);
  CHECK(table.dim() == 2);
  CHECK(table.token(3) == "##ish");
  CHECK(table.find("green") == 2);
  CHECK(!table.find("blue"));
  std::vector<float> row(2);
  table.row(3, row);
  CHECK(row == std::vector<float>{3, 4});
}

TEST_CASE("Model2Vec reads 512 tokens of a text, sentence-transformers all", "[model][import]") {
  Folder folder;
  std::string text;
  for (int i = 0; i < 512; ++i) text += "red ";
  for (int i = 0; i < 512; ++i) text += "green ";
  CHECK(test::embedded(*imported(folder.path()).open(), text, 2) == std::vector<float>{1, 0});
  folder.put("model.safetensors", table("embedding.weight"));
  test::MemoryModel stored;
  CHECK(model::import_static_folder(folder.path(), stored, nothing).kind ==
        "sentence-transformers");
  const std::vector<float> both = test::embedded(*stored.open(), text, 2);
  CHECK(both[0] == both[1]);
}

TEST_CASE("Model2Vec's tokens are those that are read", "[model][import]") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 512; ++i) text += "red ";
  const auto model = imported(folder.path()).open();
  CHECK(model->tokenize(text + "blue green").size() == 512);
  CHECK(model->tokenize("blue " + text + "green").size() == 513);
  std::string letters;
  for (int i = 0; i < 512; ++i) letters += "blue ";  // as many characters as are read
  CHECK(model->tokenize(letters + "red").size() == 512);
}

TEST_CASE("the unknown token of sentence-transformers counts by its row", "[model][import]") {
  Folder folder;
  folder.put("model.safetensors", table("embedding.weight"));
  const test::MemoryModel stored = imported(folder.path());
  const auto model = stored.open();
  CHECK(encoded(stored, "red blue") == std::vector<float>{5, 4.5F});
  const float length = std::sqrt(100 + 81.0F);
  check_near(test::embedded(*model, "blue red", 2), {10 / length, 9 / length}, 1e-6);
  CHECK(encoded(stored, "blue !") == std::vector<float>{9, 9});
  CHECK(test::embedded(*model, " ", 2).empty());
  const std::vector<model::TextToken> tokens = model->tokenize("red blue");
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[1].text == "[UNK]");
  CHECK(tokens[1].id == 0);
  model::Combination words(*model);
  CHECK_FALSE(words.add_word("blue", 1));
  CHECK(words.add_word("[UNK]", 1));
}

TEST_CASE("sentence-transformers reads as many tokens as its tokenizer keeps", "[model][import]") {
  Folder folder;
  folder.put("model.safetensors", table("embedding.weight"));
  const auto truncated = [&](const std::string& truncation) {
    folder.put("tokenizer.json", R"({"truncation":)" + truncation + "," + kTokenizer.substr(1));
  };
  truncated(R"({"direction":"Right","max_length":3,"strategy":"LongestFirst","stride":0})");
  const test::MemoryModel stored = imported(folder.path());
  CHECK(encoded(stored, "red blue red green") == std::vector<float>{11 / 3.0F, 3});
  CHECK(stored.open()->tokenize("red blue red green").size() == 3);
  truncated("null");
  CHECK(encoded(imported(folder.path()), "red blue red green") == std::vector<float>{2.75F, 2.5F});
  truncated(R"({"direction":"Left","max_length":3})");
  CHECK_THAT(error(folder.path()), ContainsSubstring("truncation.direction: got \"Left\""));
  truncated(R"({"max_length":0})");
  CHECK_THAT(error(folder.path()), ContainsSubstring("truncation.max_length: got 0"));
  folder.put("model.safetensors", table("embeddings"));
  CHECK(encoded(imported(folder.path()), "red blue red green") ==
        std::vector<float>{2 / 3.0F, 1 / 3.0F});
}

TEST_CASE("a quantised vocabulary gets a row for each token, with its weight", "[model][import]") {
  Folder folder;
  const std::string header =
      R"({"embeddings":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},
          "mapping":{"dtype":"I32","shape":[4],"data_offsets":[16,32]},
          "weights":{"dtype":"F32","shape":[4],"data_offsets":[32,48]}})";
  const auto put = [&](int32_t last) {
    const int32_t mapping[] = {0, 1, 1, last};
    folder.put(
        "model.safetensors",
        test::safetensors(header, test::packed({1, 2, 3, 4}) +
                                      std::string(reinterpret_cast<const char*>(mapping), 16) +
                                      test::packed({1, 2, 0.5F, -1})));
  };
  put(0);
  CHECK(imported(folder.path()).rows == std::vector<float>{1, 2, 6, 8, 1.5F, 2, -1, -2});
  put(2);
  CHECK_THAT(error(folder.path()), ContainsSubstring("mapping: got 2, wanted a number below 2"));
}

TEST_CASE("whether a model normalises is read from its configuration", "[model][import]") {
  const auto length = [](const Folder& folder) {
    const std::vector<float> v = encoded(imported(folder.path()), "greenish");
    return std::sqrt(test::dot(v, v));
  };
  Folder folder;
  CHECK(length(folder) > 1.1);
  folder.put("modules.json", R"([{"type":"sentence_transformers.models.Normalize"}])");
  CHECK(length(folder) == Approx(1));
  folder.put("config_sentence_transformers.json", R"({"normalize":false})");
  CHECK(length(folder) > 1.1);
  folder.put("config.json", R"({"normalize":true})");
  CHECK(length(folder) == Approx(1));
  folder.put("config.json", R"({"normalize":1})");
  CHECK_THAT(error(folder.path()),
             ContainsSubstring("config.json") && ContainsSubstring("normalize"));
}

TEST_CASE("a static model is recognised in its folder or in 0_StaticEmbedding", "[model][import]") {
  const Folder folder;
  CHECK(model::is_static_folder(folder.path()));
  const test::ScratchDirectory outer;
  CHECK(!model::is_static_folder(outer.path()));
  CHECK(!model::is_static_folder("/nonexistent"));
  test::write_file(outer.file("0_StaticEmbedding/model.safetensors"), table("embedding.weight"));
  CHECK(!model::is_static_folder(outer.path()));
  test::write_file(outer.file("0_StaticEmbedding/tokenizer.json"), kTokenizer);
  CHECK(model::is_static_folder(outer.path()));
  CHECK(imported(outer.path()).rows == kRows);
}

TEST_CASE("a folder whose parts do not fit is refused", "[model][import]") {
  Folder folder;
  folder.put("model.safetensors", table("embeddings", {1, 2, 3, 4, 5, 6}));
  CHECK_THAT(error(folder.path()),
             ContainsSubstring("tokenizer.json") && ContainsSubstring("wanted ids below 3"));
  folder.put("model.safetensors", table("encoder.weight"));
  CHECK_THAT(error(folder.path()), ContainsSubstring("no tensor embeddings or embedding.weight"));
  folder.put("model.safetensors",
             test::safetensors(R"({"embeddings":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                               test::packed({1, 2})));
  CHECK_THAT(error(folder.path()), ContainsSubstring("got shape (2)"));
  folder.put("model.safetensors",
             test::safetensors(R"({"embeddings":{"dtype":"F32","shape":[9223372036854775807,0],
                                   "data_offsets":[0,0]}})",
                               ""));
  CHECK_THAT(error(folder.path()), ContainsSubstring("dim of 1 to 65536"));
  folder.put("model.safetensors", test::safetensors(R"({"embeddings":{"dtype":"F32","shape":[0,4],
                                   "data_offsets":[0,0]}})",
                                                    ""));
  CHECK_THAT(error(folder.path()), ContainsSubstring("tokens"));
  folder.put("model.safetensors",
             test::safetensors(R"({"embeddings":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},
                                   "weights":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                               test::packed({1, 2, 1, 2})));
  folder.put("tokenizer.json", R"({"model":{"type":"WordPiece","vocab":{"a":0}}})");
  CHECK_THAT(error(folder.path()), ContainsSubstring("tensor weights"));
}

TEST_CASE("a stored static model that is cut or changed is refused", "[model][import]") {
  const Folder folder;
  const test::MemoryModel whole = imported(folder.path());
  test::MemoryModel damaged = whole;
  for (size_t length = 0; length < whole.pack.size(); ++length) {
    damaged.pack.assign(whole.pack.begin(), whole.pack.begin() + static_cast<ptrdiff_t>(length));
    CHECK_THROWS_AS(damaged.open(), std::runtime_error);
  }
  for (size_t byte = 0; byte < whole.pack.size(); ++byte) {
    damaged.pack = whole.pack;
    damaged.pack[byte] ^= 1;
    CHECK_THROWS_AS(damaged.open(), std::runtime_error);
  }
  damaged = whole;
  damaged.rows.resize(6);
  CHECK_THAT(test::error_of([&] { damaged.open("x"); }), ContainsSubstring("got 3 rows"));
  CHECK_THROWS_AS(model::open_packed("x", whole.pack, nullptr), std::runtime_error);
}

TEST_CASE("models that give other vectors have another identity", "[model][import]") {
  Folder folder;
  const auto identity = [&] { return imported(folder.path()).open()->identity(); };
  const model::Identity before = identity();
  CHECK(identity() == before);
  std::vector<float> rows = kRows;
  rows[3] = 0.5F;
  folder.put("model.safetensors", table("embeddings", rows));
  CHECK(identity() != before);
  folder.put("model.safetensors", table("embeddings"));
  std::string tokenizer = kTokenizer;
  tokenizer.replace(tokenizer.find("green"), 5, "white");
  folder.put("tokenizer.json", tokenizer);
  CHECK(identity() != before);
}

TEST_CASE("an imported model gives all threads the same vectors", "[model][import]") {
  const Folder folder;
  const test::MemoryModel stored = imported(folder.path());
  const auto model = stored.open();
  const std::vector<float> expected = test::embedded(*model, "red greenish \xFF", 2);
  std::vector<int> differences(4);
  std::vector<std::thread> threads;
  for (int& differs : differences)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        differs += test::embedded(*model, "red greenish \xFF", 2) != expected;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(differences == std::vector<int>(4));
}
