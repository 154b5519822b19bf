// The elements that everybody uses (3x3 box, cross, 5x5 disk), unrolled: a row is walked once, nothing is
// copied.
//
// The columns of these elements are folds of rows above and below, so each word of the vertical folds is made
// once and serves its own pixels and, shifted, the pixels to the left and right of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::kernels {
namespace {

// fold[k]: of the column at distance k from the centre. rows[kReach] is the row of the result.
template <class V, bool kDilate, SeSpecial kShape>
struct Columns {
  using Raw = typename V::Raw;
  static constexpr int kReach = kShape == SeSpecial::disk5 ? 2 : 1;
  static constexpr int kFolds = kShape == SeSpecial::box3 ? 1 : kReach + 1;
  Raw fold[kFolds];

  template <class Load>
  void load(const std::uint64_t* const* rows, const Load& load) {
    const Raw middle = load(rows[kReach]);
    const Raw three = V::template fold3<kDilate>(load(rows[kReach - 1]), middle, load(rows[kReach + 1]));
    if constexpr (kShape == SeSpecial::box3) {
      fold[0] = three;
    } else if constexpr (kShape == SeSpecial::cross3) {
      fold[0] = three;
      fold[1] = middle;
    } else {
      fold[0] = V::template fold3<kDilate>(load(rows[0]), three, load(rows[4]));
      fold[1] = three;
      fold[2] = middle;
    }
  }
  void fill(std::uint64_t word) {
    for (Raw& f : fold) f = V::fill(word);
  }
  void set(Raw bits) {
    for (Raw& f : fold) f = V::bit_or(f, bits);
  }
  static const Raw& of(const Columns& c, int distance) { return c.fold[kFolds == 1 ? 0 : distance]; }

  static Raw result(const Columns& before, const Columns& here, const Columns& after) {
    Raw acc = here.fold[0];
    for (int k = 1; k <= kReach; ++k) {
      const Raw left = V::previous_words(of(before, k), of(here, k)),
                right = V::next_words(of(here, k), of(after, k));
      const auto low = static_cast<unsigned>(k), high = static_cast<unsigned>(64 - k);
      acc = V::template fold_halves<kDilate>(acc, V::left(of(here, k), low), V::right(left, high));
      acc = V::template fold_halves<kDilate>(acc, V::right(of(here, k), low), V::left(right, high));
    }
    return acc;
  }
};

template <class V, bool kDilate, SeSpecial kShape>
inline void run_small(const MorphShape& shape, const std::uint64_t* src, std::uint64_t* dst,
                      std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  using C = Columns<V, kDilate, kShape>;
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
  for (std::size_t y = begin; y < end; ++y, dst += words) {
    const std::uint64_t* rows[2 * C::kReach + 1];
    for (int r = -C::kReach; r <= C::kReach; ++r) {
      const std::size_t from = y + static_cast<std::size_t>(r);  // wraps above the image
      rows[r + C::kReach] = from < shape.height ? src + (from - shape.src_first) * words : scratch;
    }
    const auto load_last = [&](C& columns) {
      columns.load(rows, [&](const std::uint64_t* row) { return V::load_some(row + last, count); });
      columns.set(beyond_bits);
    };
    C before, here, after;
    before.fill(outside);
    if (last == 0) {
      load_last(here);
    } else {
      here.load(rows, [](const std::uint64_t* row) { return V::load(row); });
      for (std::size_t i = 0; i < last; i += V::words) {
        const std::size_t next = i + V::words;
        if (next < last) {
          after.load(rows, [next](const std::uint64_t* row) { return V::load(row + next); });
        } else {
          load_last(after);
        }
        V::store(dst + i, C::result(before, here, after));
        before = here;
        here = after;
      }
    }
    after.fill(outside);
    V::store_some(dst + last, V::bit_and(C::result(before, here, after), inside_bits), count);
  }
}

template <class V, bool kDilate>
inline bool run_special(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                        std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  // The row of border values lies in the scratch, which very wide images may exceed.
  if (shape.lanes != 0 || words_for(shape.row_bits) > morph_scratch_words(program, shape)) return false;
  switch (program.special) {
    case SeSpecial::none:
      return false;
    case SeSpecial::box3:
      run_small<V, kDilate, SeSpecial::box3>(shape, src, dst, begin, end, scratch);
      break;
    case SeSpecial::cross3:
      run_small<V, kDilate, SeSpecial::cross3>(shape, src, dst, begin, end, scratch);
      break;
    case SeSpecial::disk5:
      run_small<V, kDilate, SeSpecial::disk5>(shape, src, dst, begin, end, scratch);
      break;
  }
  return true;
}

}  // namespace
}  // namespace binmorph::kernels
