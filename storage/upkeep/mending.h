// Damage to the store that whole segment files make good: a key range that RocksDB has lost or that
// differs is written again, and a store that does not open is replaced by a new one. The files'
// checksums say that they are whole; what is damaged there comes from the store instead, see
// restore_file().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "storage/rocksdb/store.h"
#include "storage/segments/segment.h"
#include "storage/segments/segment_folder.h"

namespace kindred::storage {

// The segment as its file describes itself, mapped anew, every block compared with its checksum.
// nullptr if the file is missing, damaged, unfinished or being swept. Throws StorageError (kIo).
std::shared_ptr<const Segment> whole_segment(const SegmentFolder& folder, int64_t segment);

// Writes the segment's range again unless the store has it to the byte; reads all of both. Whether
// it had to. Throws StorageError if it cannot be written. REQUIRES: `segment` is whole.
bool mend_range(Store& store, const Segment& segment);

// Writes the ranges of those segments again that the store has nothing of, where their files are
// whole. One seek a segment if none is lost. Throws StorageError as mend_range() does.
void mend_lost_ranges(const SegmentFolder& folder, Store& store, const std::set<int64_t>& named);

// Puts a new store with this id, of the segments whose files are whole, into the place of the one
// that is there, which becomes `rocksdb.damaged`, or .2, .3 ...: it may hold what no file does. A
// crash leaves one of the two in its place. Throws StorageError: kCorrupt if not all of `named` are
// whole; kBusy if somebody has the old store open.
void remake_store(const SegmentFolder& folder, int64_t id, const std::set<int64_t>& named);

}  // namespace kindred::storage
