// SPDX-License-Identifier: Apache-2.0
#include "model/train/corpora.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/train/sentences.h"

namespace kindred::model {
namespace {

using Fields = std::vector<std::string_view>;
using Line = std::function<void(const Fields&)>;

Fields split(std::string_view line, std::string_view separator) {
  Fields fields;
  size_t start = 0;
  for (size_t end; (end = line.find(separator, start)) != std::string_view::npos;
       start = end + separator.size())
    fields.push_back(line.substr(start, end - start));
  fields.push_back(line.substr(start));
  return fields;
}

// Calls `line` with the fields of each line of a zstd file.
void read_lines(const std::filesystem::path& file, const Line& line) {
  const std::string command = "zstd -dcq --long=27 -- '" + file.string() + "'";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string rest;
  std::vector<char> buffer(1 << 20);
  for (size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    rest.append(buffer.data(), got);
    size_t start = 0;
    for (size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
      line(split(std::string_view(rest).substr(start, end - start), "\t"));
    rest.erase(0, start);
  }
  if (pclose(pipe) != 0) throw std::runtime_error("cannot read " + file.string());
}

// Adds a paragraph sentence by sentence, with the pairs that it holds by itself.
StoredText add_paragraph(PairSink& sink, const std::string& corpus, std::string_view paragraph) {
  constexpr size_t kShortest = 4;  // tokens of a sentence worth pairing
  std::vector<StoredText> texts;
  for (const std::string_view sentence : sentences_of(paragraph)) {
    const StoredText text = sink.text(sentence);
    if (text.tokens >= kShortest || texts.empty())
      texts.push_back(text);
    else
      texts.back() = join(texts.back(), text);
  }
  for (size_t i = 0; i + 1 < texts.size(); ++i)
    sink.pair(corpus + " sentences", texts[i], texts[i + 1]);
  if (texts.size() > 2)
    sink.pair(corpus + " first with rest", texts[0], join(texts[1], texts.back()));
  return join(texts.front(), texts.back());
}

// A document of paragraphs, some of which are headings.
void add_document(PairSink& sink, const std::string& corpus, std::string_view title,
                  std::span<const std::string_view> paragraphs) {
  constexpr size_t kLongestHeading = 60;  // bytes
  const StoredText title_text = sink.text(title);
  StoredText heading = title_text, before;
  bool is_first = true;
  for (const std::string_view paragraph : paragraphs) {
    if (paragraph.size() <= kLongestHeading) {
      heading = sink.text(std::string(title) + " " + std::string(paragraph));
      before = {};
      continue;
    }
    const StoredText text = add_paragraph(sink, corpus, paragraph);
    sink.pair(corpus + (is_first ? " title" : " heading"), is_first ? title_text : heading, text);
    if (before.tokens > 0) sink.pair(corpus + " paragraphs", before, text);
    before = text;
    is_first = false;
  }
}

void read_wikipedia(const std::filesystem::path& data, PairSink& sink) {
  read_lines(data / "wikipedia-en" / "wiki_en.tsv.zst", [&](const Fields& fields) {
    add_document(sink, "wikipedia", fields.at(0), std::span(fields).subspan(1));
  });
}

void read_openstax(const std::filesystem::path& data, PairSink& sink) {
  read_lines(data / "openstax" / "openstax.tsv.zst", [&](const Fields& fields) {
    add_document(sink, "openstax", fields.at(1), std::span(fields).subspan(2));
  });
}

void read_arxiv(const std::filesystem::path& data, PairSink& sink) {
  read_lines(data / "arxiv-abstracts" / "arxiv.tsv.zst", [&](const Fields& fields) {
    const StoredText title = sink.text(fields.at(3));
    sink.pair("arxiv title", title, add_paragraph(sink, "arxiv", fields.at(4)));
  });
}

// Lemmas, definition and examples of each synset, and the definitions of what is more general.
void read_wordnet(const std::filesystem::path& data, PairSink& sink) {
  enum { kSynset, kPart, kFile, kLemmas, kDefinition, kExamples, kHypernyms, kSimilar, kColumns };
  std::unordered_map<std::string, StoredText> definition_of;
  std::vector<std::pair<StoredText, std::vector<std::string>>> more_general;
  read_lines(data / "english-wordnet" / "synsets.tsv.zst", [&](const Fields& fields) {
    if (fields.size() != kColumns || fields[kSynset] == "synset") return;
    const StoredText definition = sink.text(fields[kDefinition]);
    std::vector<StoredText> lemmas;
    for (const std::string_view lemma : split(fields[kLemmas], "|"))
      lemmas.push_back(sink.text(lemma));
    for (const StoredText lemma : lemmas) sink.pair("wordnet gloss", lemma, definition);
    for (size_t i = 0; i + 1 < lemmas.size(); ++i)
      sink.pair("wordnet synonyms", lemmas[i], lemmas[i + 1]);
    if (!fields[kExamples].empty())
      for (const std::string_view example : split(fields[kExamples], " | "))
        sink.pair("wordnet examples", definition, sink.text(example));
    definition_of[std::string(fields[kSynset])] = join(definition, lemmas.back());
    std::vector<std::string> others;
    for (const int column : {kHypernyms, kSimilar})
      for (const std::string_view other : split(fields[static_cast<size_t>(column)], "|"))
        if (!other.empty()) others.emplace_back(other);
    more_general.emplace_back(join(definition, lemmas.back()), std::move(others));
  });
  for (const auto& [text, others] : more_general)
    for (const std::string& other : others)
      if (const auto found = definition_of.find(other); found != definition_of.end())
        sink.pair("wordnet hypernyms", text, found->second);
}

// Of the sentences only their words count: they come in no order.
void read_tatoeba(const std::filesystem::path& data, PairSink& sink) {
  read_lines(data / "tatoeba-en" / "sentences.txt.zst",
             [&](const Fields& fields) { sink.text(fields.at(0)); });
  read_lines(data / "tatoeba-en" / "paraphrase_pairs.tsv.zst", [&](const Fields& fields) {
    const StoredText first = sink.text(fields.at(0));
    sink.pair("tatoeba", first, sink.text(fields.at(1)));
  });
}

void read_wiki_split(const std::filesystem::path& data, PairSink& sink) {
  read_lines(data / "wiki-split" / "wiki-split.tsv.zst", [&](const Fields& fields) {
    const StoredText first = sink.text(fields.at(0));
    sink.pair("wikisplit", first, sink.text(fields.at(1)));
  });
}

void read_novels(const std::filesystem::path& data, PairSink& sink) {
  read_lines(data / "eltec-novels" / "novels.tsv.zst", [&](const Fields& fields) {
    for (const std::string_view paragraph : std::span(fields).subspan(3))
      add_paragraph(sink, "novels", paragraph);
  });
}

}  // namespace

void read_corpora(const std::filesystem::path& data, PairSink& sink) {
  read_wikipedia(data, sink);
  read_openstax(data, sink);
  read_arxiv(data, sink);
  read_wordnet(data, sink);
  read_tatoeba(data, sink);
  read_wiki_split(data, sink);
  read_novels(data, sink);
}

}  // namespace kindred::model
