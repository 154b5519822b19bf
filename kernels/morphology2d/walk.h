// Elements whose result is made while walking along the rows of the image: nothing is copied.
//
// A walker folds the columns of its element: at every vector of a row, the rows above and below are folded
// once and serve the pixels of that vector and, shifted, the pixels to the left and right of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kWalkRows = 64;  // rows whose addresses are looked up at once

// Of the last vector of a row, of `count` words: what may be stored, and what lies past the end of the row.
template <class V>
struct RowEnd {
  typename V::Raw inside, beyond;

  RowEnd(const MorphShape& shape, std::size_t count) {
    const std::uint64_t outside = shape.border ? ~std::uint64_t{0} : 0;
    std::uint64_t stored[V::words], past[V::words];
    for (std::size_t i = 0; i < V::words; ++i) {
      stored[i] = i + 1 < count ? ~std::uint64_t{0} : i + 1 == count ? tail_mask(shape.row_bits) : 0;
      past[i] = outside & ~stored[i];
    }
    inside = V::load(stored);
    beyond = V::load(past);
  }
};

// Rows of at most a vector: each is read once and stays in a register for all results that it goes into.
template <class V, class Walker>
inline void walk_narrow(const Walker& walker, const MorphShape& shape, const std::uint64_t* src,
                        std::uint64_t* dst, std::size_t begin, std::size_t end) {
  using Raw = typename V::Raw;
  constexpr std::size_t kLines = 2 * Walker::kReach + 1;
  const std::size_t words = words_for(shape.row_bits);
  const Raw outside = V::fill(shape.border ? ~std::uint64_t{0} : 0);
  const RowEnd<V> row_end(shape, words);
  const auto row = [&](std::size_t y) {  // wraps above the image
    if (y >= shape.height) return outside;
    return V::bit_or(V::load_some(src + (y - shape.src_first) * words, words), row_end.beyond);
  };
  typename Walker::Folds before, here;
  before.fill(shape.border ? ~std::uint64_t{0} : 0);
  Raw lines[kLines];
  for (std::size_t k = 1; k < kLines; ++k) lines[k] = row(begin + k - 1 - Walker::kReach);
  for (std::size_t y = begin; y < end; ++y, dst += words) {
    for (std::size_t k = 1; k < kLines; ++k) lines[k - 1] = lines[k];
    lines[kLines - 1] = row(y + Walker::kReach);
    walker.load(here, lines, [](Raw line) { return line; });
    V::store_some(dst, V::bit_and(walker.result(before, here, before), row_end.inside), words);
  }
}

// walker.load(folds, rows, load): the folds of one vector. rows[k]: row y + top + k; load reads from one.
// walker.result(before, here, after): the result, from the folds of three vectors in a row.
template <class V, class Walker>
inline void walk_rows(const Walker& walker, std::ptrdiff_t top, std::size_t reach, const MorphShape& shape,
                      const std::uint64_t* src, std::uint64_t* dst, std::size_t begin, std::size_t end,
                      std::uint64_t* scratch) {
  using Folds = typename Walker::Folds;
  const std::size_t words = words_for(shape.row_bits), last = (words - 1) / V::words * V::words;
  if (last == 0) return walk_narrow<V>(walker, shape, src, dst, begin, end);
  const std::size_t count = words - last;  // words of the last vector
  const std::uint64_t outside = shape.border ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < words; ++i) scratch[i] = outside;
  const RowEnd<V> row_end(shape, count);
  const std::uint64_t* addresses[kWalkRows + kSeColumnsReach];
  for (std::size_t y = begin; y < end; ++y, dst += words) {
    const std::size_t place = (y - begin) % kWalkRows;
    if (place == 0)
      for (std::size_t r = 0; r < kWalkRows + reach && y + r < end + reach; ++r) {
        const std::size_t from = y + r + static_cast<std::size_t>(top);  // wraps above the image
        addresses[r] = from < shape.height ? src + (from - shape.src_first) * words : scratch;
      }
    const std::uint64_t* const* rows = addresses + place;
    const auto load_last = [&](Folds& folds) {
      walker.load(folds, rows, [&](const std::uint64_t* row) { return V::load_some(row + last, count); });
      folds.set(row_end.beyond);
    };
    Folds before, here, after;
    before.fill(outside);
    walker.load(here, rows, [](const std::uint64_t* row) { return V::load(row); });
    for (std::size_t i = 0; i < last; i += V::words) {
      const std::size_t next = i + V::words;
      if (next < last) {
        walker.load(after, rows, [next](const std::uint64_t* row) { return V::load(row + next); });
      } else {
        load_last(after);
      }
      V::store(dst + i, walker.result(before, here, after));
      before = here;
      here = after;
    }
    after.fill(outside);
    V::store_some(dst + last, V::bit_and(walker.result(before, here, after), row_end.inside), count);
  }
}

}  // namespace
}  // namespace binmorph::kernels
