// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/collection_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "sql/ascii.h"
#include "sql/boundary.h"
#include "storage/codes/row_codes.h"

namespace kindred::sql {
namespace {

using math::Element;
using math::Metric;

// Types of metadata, key and auxiliary columns, with SQLite's meaning.
constexpr std::array kTypes = {"INTEGER", "INT",     "BIGINT", "BOOLEAN", "REAL",     "FLOAT",
                               "DOUBLE",  "NUMERIC", "TEXT",   "BLOB",    "DATETIME", "DATE"};

// Columns that every collection has, hidden: names of inputs and outputs of a search.
constexpr std::array kReserved = {"k",     "distance",  "ef",      "exact",
                                  "rowid", "diversity", "visited", "is_exact"};

// Of graphs: a node of fewer links leads nowhere.
constexpr size_t kLeastLinks = 4;
constexpr size_t kMostEfConstruction = 10000;

[[noreturn]] void fail(const std::string& message) {
  throw std::invalid_argument("kindred: " + message);
}

struct Token {
  enum class Kind { kWord, kQuoted, kSymbol } kind;
  std::string text;
};

// Splits one argument into words, quoted words and symbols.
class Tokens {
 public:
  explicit Tokens(std::string_view argument) : argument_(argument) {
    for (size_t i = 0; i < argument.size();) i = read(argument, i);
  }

  bool done() const { return position_ == tokens_.size(); }
  const Token* peek(size_t ahead = 0) const {
    return position_ + ahead < tokens_.size() ? &tokens_[position_ + ahead] : nullptr;
  }
  bool take_symbol(std::string_view symbol) { return take(Token::Kind::kSymbol, symbol); }
  bool take_word(std::string_view word) { return take(Token::Kind::kWord, word); }
  // A name or value, quoted or not.
  std::string take_text(const std::string& wanted) {
    if (done() || peek()->kind == Token::Kind::kSymbol) unexpected(wanted);
    return tokens_[position_++].text;
  }
  void expect_symbol(std::string_view symbol) {
    if (!take_symbol(symbol)) unexpected("'" + std::string(symbol) + "'");
  }
  void expect_end() const {
    if (!done()) unexpected("the end of the column");
  }
  [[noreturn]] void unexpected(const std::string& wanted) const {
    fail("\"" + std::string(argument_) + "\": " + wanted + " is wanted" +
         (done() ? " at the end" : ", got '" + peek()->text + "'"));
  }
  std::string argument() const { return std::string(argument_); }

 private:
  bool take(Token::Kind kind, std::string_view text) {
    if (done() || peek()->kind != kind || !equal_nocase(peek()->text, text)) return false;
    ++position_;
    return true;
  }

  size_t read(std::string_view s, size_t i) {
    const char c = s[i];
    if (is_space(c)) return i + 1;
    if (c == '"' || c == '\'' || c == '`') return read_quoted(s, i, c);
    const bool name_follows = tokens_.empty() || tokens_.back().text == "+";
    if (c == '[' && name_follows) return read_quoted(s, i, ']');
    // Values of options may be numbers and file names, hence the dot.
    const auto is_word = [](char x) { return is_name_character(x) || x == '.'; };
    if (!is_word(c)) {
      tokens_.push_back({Token::Kind::kSymbol, std::string(1, c)});
      return i + 1;
    }
    size_t end = i;
    while (end < s.size() && is_word(s[end])) ++end;
    tokens_.push_back({Token::Kind::kWord, std::string(s.substr(i, end - i))});
    return end;
  }

  size_t read_quoted(std::string_view s, size_t i, char quote) {
    std::string text;
    for (++i; i < s.size(); ++i) {
      if (s[i] == quote && (i + 1 == s.size() || s[i + 1] != quote)) {
        tokens_.push_back({Token::Kind::kQuoted, text});
        return i + 1;
      }
      if (s[i] == quote) ++i;
      text += s[i];
    }
    fail("\"" + std::string(s) + "\": a quote is not closed");
  }

  std::string_view argument_;
  std::vector<Token> tokens_;
  size_t position_ = 0;
};

size_t parse_number(const Tokens& tokens, const std::string& text, size_t most) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most)
    fail("\"" + tokens.argument() + "\": a number from 1 to " + std::to_string(most) +
         " is wanted, got '" + text + "'");
  return value;
}

Metric parse_metric(const Tokens& tokens, const std::string& text) {
  const std::optional<Metric> metric = math::parse_metric(folded(text));
  if (!metric)
    fail("\"" + tokens.argument() +
         "\": distance_metric cosine, l2, l1, dot or hamming is wanted, "
         "got '" +
         text + "'");
  return *metric;
}

std::optional<Element> parse_element(std::string_view word) {
  if (equal_nocase(word, "float") || equal_nocase(word, "f32")) return Element::kFloat32;
  if (equal_nocase(word, "int8") || equal_nocase(word, "i8")) return Element::kInt8;
  if (equal_nocase(word, "bit")) return Element::kBit;
  return std::nullopt;
}

storage::Quantization parse_quantization(const Tokens& tokens, const std::string& text) {
  if (equal_nocase(text, "int8")) return storage::Quantization::kInt8;
  if (equal_nocase(text, "none")) return storage::Quantization::kNone;
  fail("\"" + tokens.argument() + "\": quantize none or int8 is wanted, got '" + text + "'");
}

// Reads the arguments one by one into a CollectionOptions.
class Parser {
 public:
  Parser(std::string_view made_by, const ModelDimensions& dimensions)
      : made_by_(made_by), dimensions_of_(dimensions) {}

  void argument(std::string_view text) {
    Tokens tokens(text);
    if (tokens.done()) fail("an argument is empty: a column or an option is wanted");
    const Token* second = tokens.peek(1);
    const bool option =
        second != nullptr && second->kind == Token::Kind::kSymbol && second->text == "=";
    option ? read_option(tokens) : read_column(tokens);
    tokens.expect_end();
  }

  CollectionOptions finish() {
    const bool outside = options_.vector_column().has_value();
    const auto text = std::find_if(options_.columns.begin(), options_.columns.end(),
                                   [](const Column& c) { return c.kind == ColumnKind::kText; });
    const bool embeds = text != options_.columns.end();
    if (outside && embeds)
      fail("a vector column and text to embed make two vectors a row: one is wanted, got \"" +
           text->name + "\", which has no type and so is text to embed; \"" + text->name +
           " TEXT\" is not embedded");
    if (!outside && !embeds)
      fail("a column of text to embed or a vector column such as embedding float[384] is wanted");
    outside ? finish_vectors() : finish_model();
    options_.has_dimensions = dimensions_.has_value();
    if (quantization_) finish_quantization(*quantization_);
    const storage::VectorSpec& spec = options_.vectors;
    if (!math::is_defined_for(spec.metric, spec.element))
      fail(std::string("distance_metric ") + math::metric_name(spec.metric) +
           " is not defined for " + math::element_name(spec.element) + " vectors");
    storage::GraphOptions& graph = options_.graph;
    graph.m = m_.value_or(graph.m);
    graph.ef_construction = ef_construction_.value_or(graph.ef_construction);
    graph.seed = seed_.value_or(graph.seed);
    return std::move(options_);
  }

 private:
  template <class T>
  static void set_once(std::optional<T>& option, const T& value, const std::string& name) {
    if (option) fail("option '" + name + "' is given twice");
    option = value;
  }

  void read_option(Tokens& tokens) {
    const std::string name = tokens.take_text("an option");
    tokens.expect_symbol("=");
    const std::string value = tokens.take_text("a value");
    if (equal_nocase(name, "model")) {
      set_once(model_, value, name);
    } else if (equal_nocase(name, "dimensions")) {
      set_once(dimensions_, parse_number(tokens, value, math::kMaxDimensions), name);
    } else if (equal_nocase(name, "distance_metric")) {
      set_once(metric_, parse_metric(tokens, value), name);
    } else if (equal_nocase(name, "quantize")) {
      set_once(quantization_, parse_quantization(tokens, value), name);
    } else if (equal_nocase(name, "m")) {
      set_once(m_, parse_number(tokens, value, storage::kMostLinks), name);
      if (*m_ < kLeastLinks)
        fail("option m: at least " + std::to_string(kLeastLinks) + " is wanted, got " + value);
    } else if (equal_nocase(name, "ef_construction")) {
      set_once(ef_construction_, parse_number(tokens, value, kMostEfConstruction), name);
    } else if (equal_nocase(name, "seed")) {
      set_once(seed_, parse_number(tokens, value, UINT32_MAX), name);
    } else {
      fail("unknown option '" + name +
           "': model, dimensions, distance_metric, quantize, m, ef_construction or seed is wanted");
    }
  }

  void read_column(Tokens& tokens) {
    const bool auxiliary = tokens.take_symbol("+");
    Column column;
    column.name = tokens.take_text("a column name");
    if (column.name.empty()) fail("a column name is empty");
    if (auxiliary) {
      column.kind = ColumnKind::kAuxiliary;
      column.type = read_type(tokens);
    } else if (!tokens.done()) {
      read_definition(tokens, column);
    } else {
      column.type = "TEXT";
    }
    add(column);
  }

  void read_definition(Tokens& tokens, Column& column) {
    const Token* next = tokens.peek(1);
    const bool brackets = next != nullptr && next->text == "[";
    const std::optional<Element> element =
        brackets ? parse_element(tokens.peek()->text) : std::nullopt;
    if (element) {
      tokens.take_text("a type");
      column.kind = ColumnKind::kVector;
      read_vector(tokens, *element);
      return;
    }
    column.type = read_type(tokens);
    if (tokens.take_word("PRIMARY")) {
      if (!tokens.take_word("KEY")) tokens.unexpected("KEY");
      read_key(column);
    } else if (tokens.take_word("PARTITION")) {
      if (!tokens.take_word("KEY")) tokens.unexpected("KEY");
      column.kind = ColumnKind::kPartition;
    } else {
      column.kind = ColumnKind::kMetadata;
    }
  }

  void read_key(Column& column) {
    column.kind = ColumnKind::kKey;
    if (column.type == "INT" || column.type == "BIGINT") column.type = "INTEGER";
    if (column.type != "INTEGER" && column.type != "TEXT")
      fail("column '" + column.name + "': INTEGER or TEXT PRIMARY KEY is wanted, got " +
           column.type);
    if (options_.key_column()) fail("column '" + column.name + "': a second PRIMARY KEY");
  }

  void read_vector(Tokens& tokens, Element element) {
    if (options_.vector_column() || vector_seen_)
      fail("\"" + tokens.argument() + "\": a second vector column: one is wanted");
    vector_seen_ = true;
    tokens.expect_symbol("[");
    options_.vectors.element = element;
    options_.vectors.dim =
        parse_number(tokens, tokens.take_text("a number of dimensions"), math::kMaxDimensions);
    tokens.expect_symbol("]");
    if (element == Element::kBit && options_.vectors.dim % 8 != 0)
      fail("\"" + tokens.argument() + "\": a number of bits divisible by 8 is wanted");
    while (!tokens.done()) {
      const std::string name = tokens.take_text("an option of the vector column");
      tokens.expect_symbol("=");
      if (!equal_nocase(name, "distance_metric"))
        fail("\"" + tokens.argument() + "\": unknown option '" + name +
             "' of a vector column: distance_metric is wanted");
      set_once(metric_, parse_metric(tokens, tokens.take_text("a metric")), name);
    }
  }

  std::string read_type(Tokens& tokens) {
    const std::string word = tokens.take_text("a type");
    for (const char* type : kTypes)
      if (equal_nocase(word, type)) return type;
    std::string known;
    for (const char* type : kTypes) known += std::string(known.empty() ? "" : ", ") + type;
    fail("\"" + tokens.argument() + "\": unknown type '" + word + "': " + known +
         ", float[N], int8[N] or bit[N] is wanted");
  }

  void add(const Column& column) {
    for (const Column& other : options_.columns)
      if (equal_nocase(other.name, column.name)) fail("duplicate column name: " + column.name);
    options_.columns.push_back(column);
  }

  void finish_vectors() {
    if (model_) fail("option model goes with text to embed, not with a vector column");
    const bool bits = options_.vectors.element == Element::kBit;
    options_.vectors.metric = metric_.value_or(bits ? Metric::kHamming : Metric::kCosine);
    if (dimensions_) finish_prefix(*dimensions_);
  }

  void finish_prefix(size_t dimensions) {
    storage::VectorSpec& spec = options_.vectors;
    if (!storage::has_codes(spec))
      fail(
          "option dimensions goes with a column of float[N] under cosine, l2 or dot, or with text "
          "to embed, not with " +
          std::string(math::element_name(spec.element)) + " vectors under " +
          math::metric_name(spec.metric));
    if (dimensions >= spec.dim)
      fail("option dimensions: fewer than the column's " + std::to_string(spec.dim) +
           " are wanted, got " + std::to_string(dimensions));
    spec.prefix = dimensions;
  }

  void finish_quantization(storage::Quantization quantization) {
    storage::VectorSpec& spec = options_.vectors;
    if (spec.element != Element::kFloat32)
      fail(std::string("option quantize goes with a column of float[N] or with text to embed, not "
                       "with ") +
           math::element_name(spec.element) + " vectors");
    const bool none = quantization == storage::Quantization::kNone;
    if (none && spec.prefix > 0)
      fail("option dimensions of a vector column goes with quantize int8, not with none");
    if (!none && spec.metric == Metric::kL1)
      fail("option quantize int8 goes with cosine, l2 or dot: under l1 none is wanted");
    spec.quantization = quantization;
  }

  void finish_model() {
    std::string name = model_.value_or("default");
    if (name == "default" && made_by_.starts_with("hash ")) name = "hash";
    const std::optional<size_t> full = dimensions_of_(name);
    if (!full) fail("no such model: " + name);
    const size_t dim = dimensions_.value_or(*full);
    if (dim > *full)
      fail("option dimensions: 1 to " + std::to_string(*full) + " is wanted for model " + name +
           ", got " + std::to_string(dim));
    options_.model = name;
    options_.vectors = {Element::kFloat32, metric_.value_or(Metric::kCosine), dim};
  }

  std::string_view made_by_;
  const ModelDimensions& dimensions_of_;
  CollectionOptions options_;
  std::optional<std::string> model_;
  std::optional<size_t> dimensions_;
  std::optional<Metric> metric_;
  std::optional<storage::Quantization> quantization_;
  std::optional<size_t> m_;
  std::optional<size_t> ef_construction_;
  std::optional<size_t> seed_;
  bool vector_seen_ = false;
};

template <class Kind>
std::optional<size_t> position_of(const std::vector<Column>& columns, Kind kind) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [kind](const Column& c) { return c.kind == kind; });
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

bool is_reserved(const std::string& name) {
  return std::any_of(kReserved.begin(), kReserved.end(),
                     [&](const char* taken) { return equal_nocase(taken, name); });
}

}  // namespace

std::optional<size_t> CollectionOptions::vector_column() const {
  return position_of(columns, ColumnKind::kVector);
}

std::optional<size_t> CollectionOptions::key_column() const {
  return position_of(columns, ColumnKind::kKey);
}

bool CollectionOptions::has_text_key() const {
  const std::optional<size_t> key = key_column();
  return key && columns[*key].type == "TEXT";
}

bool CollectionOptions::is_rowid(int column) const {
  return column == -1 || (has_integer_key() && static_cast<size_t>(column) == *key_column());
}

bool CollectionOptions::is_stored(size_t column) const {
  const Column& c = columns[column];
  return c.kind != ColumnKind::kVector && (c.kind != ColumnKind::kKey || c.type == "TEXT");
}

bool CollectionOptions::is_indexed(size_t column) const {
  const ColumnKind kind = columns[column].kind;
  return kind == ColumnKind::kMetadata || kind == ColumnKind::kPartition ||
         kind == ColumnKind::kKey;
}

CollectionOptions parse_collection(const std::string& table, std::span<const char* const> arguments,
                                   std::string_view made_by, const ModelDimensions& dimensions) {
  Parser parser(made_by, dimensions);
  for (const char* argument : arguments) parser.argument(argument);
  CollectionOptions options = parser.finish();
  require_free_name(table, options);
  return options;
}

CollectionOptions salvage_collection(const std::string& table,
                                     std::span<const char* const> arguments,
                                     const std::string& error) {
  CollectionOptions options;
  options.error = table + ": " + error + ". Nothing but DROP TABLE works on it";
  const auto is_free = [&](const std::string& name) {
    return !name.empty() && !is_reserved(name) && !equal_nocase(name, table) &&
           std::none_of(options.columns.begin(), options.columns.end(),
                        [&](const Column& other) { return equal_nocase(other.name, name); });
  };
  const auto skip = [](int, const char*) noexcept {};
  for (const char* argument : arguments)
    guard(
        [&] {
          Tokens tokens(argument);
          tokens.take_symbol("+");
          const std::string name = tokens.take_text("a column name");
          if (!tokens.take_symbol("=") && is_free(name))
            options.columns.push_back({name, ColumnKind::kAuxiliary, ""});
        },
        skip);
  return options;
}

void require_free_name(const std::string& table, const CollectionOptions& options) {
  if (is_reserved(table)) fail("the name '" + table + "' is reserved for a column of collections");
  for (const Column& column : options.columns) {
    if (is_reserved(column.name)) fail("column name '" + column.name + "' is reserved");
    if (equal_nocase(column.name, table))
      fail("column name '" + column.name + "' is the name of the collection itself");
  }
}

}  // namespace kindred::sql
