// Elements of few distinct columns, which grow out of each other if possible. A block of a few vectors of the
// result is made in registers: the rows of a column are folded once, made wider by doubling where the column
// stands in runs, and shifted to every place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/morphology2d/morphology2d.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t lesser(std::size_t a, std::size_t b) { return a < b ? a : b; }

// A block is kCount vectors in a row or, if kTall, one below the other. The words to the left and right of
// each row of it are folded, too, unless they are outside the image.
template <class V, bool kDilate, int kCount, bool kTall, bool kAtStart, bool kAtEnd>
class ColumnBlock {
 public:
  using Raw = typename V::Raw;
  static constexpr std::size_t kRows = kTall ? kCount : 1, kWords = kTall ? V::words : kCount * V::words;

  ColumnBlock(const SeColumns& columns, std::uint64_t outside, std::uint64_t inside)
      : columns_(columns), outside_(V::fill(outside)) {
    // Of the last word of a row: what lies in the image, and the border past it.
    std::uint64_t last[V::words];
    for (std::uint64_t& word : last) word = ~std::uint64_t{0};
    last[V::words - 1] = inside;
    inside_ = V::load(last);
    for (std::uint64_t& word : last) word = 0;
    last[V::words - 1] = outside & ~inside;
    beyond_ = V::load(last);
  }

  // rows[r]: row r of the element for the first row of the block, at its first word.
  void run(const std::uint64_t* const* rows, std::size_t x, std::uint64_t* dst, std::size_t pitch) const {
    const Raw neutral = V::fill(kDilate ? 0 : ~std::uint64_t{0});
    Raw result[kCount], fold[kCount], left[kRows], right[kRows];
    for (Raw& r : result) r = neutral;
    const auto start = [&] {
      for (Raw& f : fold) f = neutral;
      for (std::size_t r = 0; r < kRows; ++r) left[r] = right[r] = neutral;
    };
    start();
    const std::uint32_t* row = columns_.rows;
    const std::uint64_t* shift = columns_.shifts;
    for (const SeColumn *c = columns_.list, *end = c + columns_.count; c != end; ++c) {
      if (!c->grows) start();
      for (const std::uint32_t* stop = columns_.rows + c->rows_end; row < stop; ++row) {
        for (int i = 0; i < kCount; ++i)
          fold[i] = V::template fold<kDilate>(
              fold[i], V::load(kTall ? rows[*row + unsigned(i)] + x : rows[*row] + x + i * V::words));
        for (std::size_t r = 0; r < kRows; ++r) {
          const std::uint64_t* p = rows[*row + r] + x;
          if (!kAtStart) left[r] = V::template fold<kDilate>(left[r], V::fill(p[-1]));
          if (!kAtEnd) right[r] = V::template fold<kDilate>(right[r], V::fill(p[kWords]));
        }
      }
      shift = place(*c, shift, fold, left, right, result);
    }
    for (int i = 0; i < kCount; ++i) {
      if (kAtEnd && (kTall || i == kCount - 1)) result[i] = V::bit_and(result[i], inside_);
      V::store(kTall ? dst + static_cast<std::size_t>(i) * pitch : dst + i * V::words, result[i]);
    }
  }

 private:
  // Folds one column into the result at every place where it stands; the end of its shifts.
  const std::uint64_t* place(const SeColumn& c, const std::uint64_t* shift, const Raw* fold, const Raw* left,
                             const Raw* right, Raw* result) const {
    const std::uint64_t* const stop_wider = columns_.shifts + c.wider_end;
    const std::uint64_t* const stop_left = columns_.shifts + c.left_end;
    const std::uint64_t* const stop_right = columns_.shifts + c.right_end;
    Raw here[kCount], first[kRows], after[kRows], beside[kCount];
    for (int i = 0; i < kCount; ++i)
      here[i] = kAtEnd && (kTall || i == kCount - 1) ? V::bit_or(fold[i], beyond_) : fold[i];
    for (std::size_t r = 0; r < kRows; ++r) {
      first[r] = kAtStart ? outside_ : left[r];
      after[r] = kAtEnd ? outside_ : right[r];
    }
    const auto previous = [&](int i) {
      return V::previous_words(kTall || i == 0 ? first[kTall ? i : 0] : here[i - 1], here[i]);
    };
    const auto next = [&](int i) {
      return V::next_words(here[i], kTall || i == kCount - 1 ? after[kTall ? i : 0] : here[i + 1]);
    };
    const auto add = [](Raw& to, Raw value) { to = V::template fold<kDilate>(to, value); };
    // What comes into `after` from further right does not matter: no pixel of the result reads that far.
    for (; shift < stop_wider; ++shift) {
      for (std::size_t r = 0; r < kRows; ++r)
        add(first[r], V::shift_in_right(first[r], V::next_words(first[r], here[r]), *shift));
      for (int i = 0; i < kCount; ++i) add(here[i], V::shift_in_right(here[i], next(i), *shift));
      for (std::size_t r = 0; r < kRows; ++r) add(after[r], V::shift_in_right(after[r], after[r], *shift));
    }
    if (shift < stop_left) {
      for (int i = 0; i < kCount; ++i) beside[i] = previous(i);
      do {
        for (int i = 0; i < kCount; ++i) add(result[i], V::shift_in_left(here[i], beside[i], *shift));
      } while (++shift < stop_left);
    }
    if (shift < stop_right) {
      for (int i = 0; i < kCount; ++i) beside[i] = next(i);
      do {
        for (int i = 0; i < kCount; ++i) add(result[i], V::shift_in_right(here[i], beside[i], *shift));
      } while (++shift < stop_right);
    }
    return stop_right;
  }

  const SeColumns& columns_;
  Raw outside_, inside_, beyond_;
};

constexpr std::size_t kColumnsBand = 64;  // rows whose addresses are looked up at once

// Images of at least a block: the last block of a row, and the last row of blocks, overlap the ones before.
template <class V, bool kDilate, int kCount, bool kTall>
void walk_blocks(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                 std::uint64_t* dst, std::size_t begin, std::size_t end, const std::uint64_t* border_row) {
  const std::size_t words = words_for(shape.row_bits);
  const std::uint64_t outside = shape.border ? ~std::uint64_t{0} : 0, inside = tail_mask(shape.row_bits);
  const ColumnBlock<V, kDilate, kCount, kTall, true, true> whole(program.columns, outside, inside);
  const ColumnBlock<V, kDilate, kCount, kTall, true, false> first(program.columns, outside, inside);
  const ColumnBlock<V, kDilate, kCount, kTall, false, false> middle(program.columns, outside, inside);
  const ColumnBlock<V, kDilate, kCount, kTall, false, true> last(program.columns, outside, inside);
  constexpr std::size_t kWords = whole.kWords, kRows = whole.kRows;
  const std::uint64_t* addresses[kColumnsBand + kSeColumnsReach];
  for (std::size_t band = begin; band < end; band += kColumnsBand) {
    const std::size_t stop = lesser(band + kColumnsBand, end);
    const std::size_t low = lesser(band, stop - kRows);
    for (std::size_t r = 0; r < stop - low + program.reach; ++r) {
      const std::size_t from =
          low + r + static_cast<std::size_t>(std::ptrdiff_t{program.top});  // wraps above
      addresses[r] = from < shape.height ? src + (from - shape.src_first) * words : border_row;
    }
    for (std::size_t y = band; y < stop; y += kRows) {
      const std::size_t row = lesser(y, stop - kRows);
      const std::uint64_t* const* rows = addresses + (row - low);
      std::uint64_t* to = dst + (row - begin) * words;
      if (words == kWords) {
        whole.run(rows, 0, to, words);
        continue;
      }
      first.run(rows, 0, to, words);
      for (std::size_t x = kWords; x + kWords < words; x += kWords) middle.run(rows, x, to + x, words);
      last.run(rows, words - kWords, to + words - kWords, words);
    }
  }
}

template <class V, bool kDilate>
inline bool run_columns(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                        std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  const std::size_t words = words_for(shape.row_bits);
  if (program.columns.count == 0 || words < V::words) return false;
  for (std::size_t i = 0; i < words; ++i) scratch[i] = shape.border ? ~std::uint64_t{0} : 0;
  if (words >= 4 * V::words) {
    walk_blocks<V, kDilate, 4, false>(program, shape, src, dst, begin, end, scratch);
  } else if (words >= 2 * V::words) {
    walk_blocks<V, kDilate, 2, false>(program, shape, src, dst, begin, end, scratch);
  } else if (end - begin >= 4) {
    walk_blocks<V, kDilate, 4, true>(program, shape, src, dst, begin, end, scratch);
  } else {
    walk_blocks<V, kDilate, 1, false>(program, shape, src, dst, begin, end, scratch);
  }
  return true;
}

}  // namespace
}  // namespace binmorph::kernels
