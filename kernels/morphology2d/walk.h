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

// walker.load(folds, rows, load): the folds of one vector. rows[k]: row y + top + k; load reads from one.
// walker.result(before, here, after): the result, from the folds of three vectors in a row.
template <class V, class Walker>
inline void walk_rows(const Walker& walker, std::ptrdiff_t top, std::size_t reach, const MorphShape& shape,
                      const std::uint64_t* src, std::uint64_t* dst, std::size_t begin, std::size_t end,
                      std::uint64_t* scratch) {
  using Folds = typename Walker::Folds;
  const std::size_t words = words_for(shape.row_bits), last = (words - 1) / V::words * V::words;
  const std::size_t count = words - last;  // words of the last vector
  const std::uint64_t outside = shape.border ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < words; ++i) scratch[i] = outside;
  // What lies past the end of a row in its last vector, and what may be stored of it.
  std::uint64_t inside[V::words], beyond[V::words];
  for (std::size_t i = 0; i < V::words; ++i) {
    inside[i] = i + 1 < count ? ~std::uint64_t{0} : i + 1 == count ? tail_mask(shape.row_bits) : 0;
    beyond[i] = outside & ~inside[i];
  }
  const auto inside_bits = V::load(inside), beyond_bits = V::load(beyond);
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
      folds.set(beyond_bits);
    };
    Folds before, here, after;
    before.fill(outside);
    if (last == 0) {
      load_last(here);
    } else {
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
    }
    after.fill(outside);
    V::store_some(dst + last, V::bit_and(walker.result(before, here, after), inside_bits), count);
  }
}

}  // namespace
}  // namespace binmorph::kernels
