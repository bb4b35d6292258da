#!/usr/bin/env bash
# Recounts the word list: recount_words.sh COUNT_WORDS LIST. Run it as the target recount_words; the
# corpora lie in $KINDRED_DATA, by default ../shared/data beside the project. See ../data/README.md.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
export LC_ALL=C
count_words=$(realpath "$1")
list=$(realpath "$2")
cd "${KINDRED_DATA:-$(dirname "$0")/../../../shared/data}"

unpack() { zstd -dcq --long=27 "$1"; }

# The columns that are English text.
corpora() {
  unpack wikipedia-en/wiki_en.tsv.zst
  unpack openstax/openstax.tsv.zst | cut -f2-
  unpack arxiv-abstracts/arxiv.tsv.zst | cut -f4-5
  unpack english-wordnet/synsets.tsv.zst | cut -f4-6
  unpack tatoeba-en/sentences.txt.zst
  unpack wiki-split/wiki-split.tsv.zst | cut -f1
}

corpora | "$count_words" > "$list.new"
mv "$list.new" "$list"
