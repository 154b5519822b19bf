// Compiled elements on blocks of rows, written once over a vector type V and compiled per ISA.
//
// A block of the image is copied into a buffer whose rows have equal pitch and carry, on either side, the
// pixels that the element reads past the block (the border value where the image ends). Inside such a buffer
// any point of an element is a constant distance, in rows and columns alike, so a step is one flat loop over
// all rows of the block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/morphology2d/columns.h"
#include "kernels/morphology2d/morphology2d.h"
#include "kernels/morphology2d/planes.h"
#include "kernels/morphology2d/small.h"

namespace binmorph::kernels {
namespace {

// The operands of one step as addresses.
struct Reads {
  const std::uint64_t* from[kSeMaxOperands];
  std::uint64_t bit[kSeMaxOperands];
  std::size_t plain, all;
  std::size_t run;  // the distance of each read from the one before if there are at least three and all are
                    // equal, or 0
};

// Four results `apart` words apart, each the fold of `length` reads `run` words apart: all but three are
// shared.
template <class V, bool kDilate>
inline void fold_four(const std::uint64_t* from, std::size_t run, std::size_t length, std::uint64_t* dst,
                      std::size_t apart) {
  using Raw = typename V::Raw;
  Raw middle = V::fill(kDilate ? 0 : ~std::uint64_t{0});
#pragma GCC unroll 8
  for (std::size_t j = 3; j < length; ++j)
    middle = V::template fold<kDilate>(middle, V::load(from + j * run));
  const std::uint64_t* after = from + length * run;
  const Raw a0 = V::load(from), a1 = V::load(from + run), a2 = V::load(from + 2 * run);
  const Raw b0 = V::load(after), b1 = V::load(after + run), b2 = V::load(after + 2 * run);
  const Raw late = V::template fold<kDilate>(a2, middle), early = V::template fold<kDilate>(b0, middle);
  V::store(dst, V::template fold3<kDilate>(a0, a1, late));
  V::store(dst + apart, V::template fold3<kDilate>(a1, late, b0));
  V::store(dst + 2 * apart, V::template fold3<kDilate>(a2, early, b1));
  V::store(dst + 3 * apart, V::template fold3<kDilate>(early, b1, b2));
}

// As much of a flat fold as can be made four results at a time; how many words that is.
template <class V, bool kDilate>
inline std::size_t fold_run(const Reads& reads, std::size_t words, std::uint64_t* dst) {
  if (reads.run == 0 || reads.run % V::words != 0) return 0;
  std::size_t done = 0;
  for (; done + 4 * reads.run <= words; done += 4 * reads.run)
    for (std::size_t i = done; i < done + reads.run; i += V::words)
      fold_four<V, kDilate>(reads.from[0] + i, reads.run, reads.all, dst + i, reads.run);
  return done;
}

template <class V, bool kDilate, std::size_t N>
inline void fold_reads(const Reads& reads, std::size_t i, std::uint64_t* dst) {
  using Raw = typename V::Raw;
  Raw acc[N];
  for (Raw& a : acc) a = V::fill(kDilate ? 0 : ~std::uint64_t{0});
  for (std::size_t j = 0; j < reads.plain; ++j)
    for (std::size_t k = 0; k < N; ++k)
      acc[k] = V::template fold<kDilate>(acc[k], V::load(reads.from[j] + i + k * V::words));
  for (std::size_t j = reads.plain; j < reads.all; ++j)
    for (std::size_t k = 0; k < N; ++k) {
      const std::uint64_t* p = reads.from[j] + i + k * V::words;
      acc[k] = V::template fold<kDilate>(acc[k], V::shift_in_right(V::load(p), V::load(p + 1), reads.bit[j]));
    }
  for (std::size_t k = 0; k < N; ++k) V::store(dst + i + k * V::words, acc[k]);
}

// Whole vectors: may pass the end by less than a vector.
template <class V, bool kDilate>
inline void fold_flat(const Reads& reads, std::size_t words, std::uint64_t* dst) {
  std::size_t i = fold_run<V, kDilate>(reads, words, dst);
  for (; i + V::unroll * V::words <= words; i += V::unroll * V::words)
    fold_reads<V, kDilate, V::unroll>(reads, i, dst);
  for (; i < words; i += V::words) fold_reads<V, kDilate, 1>(reads, i, dst);
}

// Not a word more: the last vector overlaps the one before, and fewer words than a vector go one by one.
template <class V, class Word, bool kDilate>
inline void fold_exactly(const Reads& reads, std::size_t words, std::uint64_t* dst) {
  std::size_t i = fold_run<V, kDilate>(reads, words, dst);
  for (; i + V::unroll * V::words <= words; i += V::unroll * V::words)
    fold_reads<V, kDilate, V::unroll>(reads, i, dst);
  for (; i + V::words <= words; i += V::words) fold_reads<V, kDilate, 1>(reads, i, dst);
  if (i == words) return;
  if (words >= V::words) return fold_reads<V, kDilate, 1>(reads, words - V::words, dst);
  for (; i < words; ++i) fold_reads<Word, kDilate, 1>(reads, i, dst);
}

template <class V>
inline void copy_words(const std::uint64_t* src, std::size_t words, std::uint64_t* dst) {
  std::size_t i = 0;
  for (; i + V::words <= words; i += V::words) V::store(dst + i, V::load(src + i));
  for (; i < words; ++i) dst[i] = src[i];
}

inline void fill_words(std::uint64_t value, std::size_t words, std::uint64_t* dst) {
  for (std::size_t i = 0; i < words; ++i) dst[i] = value;
}

// One block: rows [y, y + rows) and words [x, x + words) of the result.
template <class V, class Word, bool kDilate>
class Block {
 public:
  Block(const SeProgram& program, const MorphShape& shape, const MorphTile& tile, std::uint64_t* scratch)
      : program_(program), shape_(shape), tile_(tile), scratch_(scratch) {
    const std::size_t lanes = shape.lanes == 0 ? 1 : shape.lanes;
    scale_ = static_cast<std::ptrdiff_t>(lanes);
    left_ = program.left_words * lanes;
    row_words_ = words_for(shape.row_bits);
    outside_ = shape.border ? ~std::uint64_t{0} : 0;
  }

  void run(const std::uint64_t* src, std::size_t y, std::size_t x, std::size_t rows, std::size_t words,
           std::uint64_t* dst) {
    load(src, y, x, rows);
    for (std::size_t s = 0; s + 1 < program_.step_count; ++s) {
      const SeStep& step = program_.steps[s];
      fold_lines(reads(step), rows + step.extra_rows, buffer(step.dst));
    }
    finish(program_.steps[program_.step_count - 1], rows, words, x + words == row_words_, dst);
  }

 private:
  std::uint64_t* buffer(std::size_t i) const { return scratch_ + i * tile_.buffer_words + tile_.front; }

  Reads reads(const SeStep& step) const {
    Reads r;
    r.plain = step.plain;
    r.all = std::size_t{step.plain} + step.shifted;
    for (std::size_t j = 0; j < r.all; ++j) {
      const SeOperand& operand = program_.operands[step.first_operand + j];
      const auto row = static_cast<std::ptrdiff_t>(tile_.pitch) * operand.row;
      r.from[j] = buffer(operand.buffer) + row + operand.word * scale_;
      r.bit[j] = operand.bit;
    }
    r.run = 0;
    if (r.all < 3 || r.all > V::longest_run || r.plain != r.all || r.from[1] <= r.from[0]) return r;
    const std::ptrdiff_t apart = r.from[1] - r.from[0];
    for (std::size_t j = 2; j < r.all; ++j)
      if (r.from[j] - r.from[j - 1] != apart) return r;
    r.run = static_cast<std::size_t>(apart);
    return r;
  }

  // From a little before the first row, so that vectors lie on cache lines as the first result word does.
  void fold_lines(Reads r, std::size_t rows, std::uint64_t* dst) const {
    const std::size_t early = (8 - left_ % 8) % 8;
    for (std::size_t j = 0; j < r.all; ++j) r.from[j] -= early;
    fold_flat<V, kDilate>(r, rows * tile_.pitch + early, dst - early);
  }

  // The image around the block; what lies outside of it has the border value.
  void load(const std::uint64_t* src, std::size_t y, std::size_t x, std::size_t rows) const {
    const std::size_t before = lesser(left_, x);  // words of the left halo that exist
    const std::size_t first = left_ - before, count = lesser(tile_.pitch - first, row_words_ - x + before);
    const bool at_end = x - before + count == row_words_;
    std::uint64_t* dst = buffer(0);
    for (std::size_t r = 0; r < rows + program_.reach; ++r, dst += tile_.pitch) {
      const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(y + r) + program_.top;
      if (from < 0 || from >= static_cast<std::ptrdiff_t>(shape_.height)) {
        fill_words(outside_, tile_.pitch, dst);
        continue;
      }
      const std::uint64_t* row = src + (static_cast<std::size_t>(from) - shape_.src_first) * row_words_;
      fill_words(outside_, first, dst);
      copy_words<V>(row + x - before, count, dst + first);
      if (at_end) dst[first + count - 1] |= outside_ & ~tail_mask(shape_.row_bits);
      fill_words(outside_, tile_.pitch - first - count, dst + first + count);
    }
  }

  void finish(const SeStep& step, std::size_t rows, std::size_t words, bool at_end,
              std::uint64_t* dst) const {
    Reads r = reads(step);
    const std::uint64_t tail = at_end ? tail_mask(shape_.row_bits) : ~std::uint64_t{0};
    if (words <
        V::words) {  // several rows to a vector: through a buffer that no operand of this step lies in
      std::uint64_t* result = buffer(program_.buffers - 1);
      fold_lines(r, rows, result);
      for (std::size_t y = 0; y < rows; ++y, dst += row_words_, result += tile_.pitch) {
        for (std::size_t w = 0; w < words; ++w) dst[w] = result[left_ + w];
        dst[words - 1] &= tail;
      }
      return;
    }
    for (std::size_t j = 0; j < r.all; ++j) r.from[j] += left_;
    std::size_t y = 0;
    if (r.run == tile_.pitch)  // a run of rows: four rows of the result at a time
      for (; y + 4 <= rows; y += 4, dst += 4 * row_words_) {
        for (std::size_t x = 0; x < words; x += V::words) {
          const std::size_t w = lesser(x, words - V::words);
          fold_four<V, kDilate>(r.from[0] + w, r.run, r.all, dst + w, row_words_);
        }
        for (std::size_t k = 0; k < 4; ++k) dst[k * row_words_ + words - 1] &= tail;
        r.from[0] += 4 * tile_.pitch;
      }
    for (std::size_t j = 1; j < r.all; ++j) r.from[j] += r.run == tile_.pitch ? y * tile_.pitch : 0;
    r.run = r.run < tile_.pitch ? r.run : 0;
    for (; y < rows; ++y, dst += row_words_) {
      fold_exactly<V, Word, kDilate>(r, words, dst);
      dst[words - 1] &= tail;
      for (std::size_t j = 0; j < r.all; ++j) r.from[j] += tile_.pitch;
    }
  }

  const SeProgram& program_;
  const MorphShape& shape_;
  const MorphTile& tile_;
  std::uint64_t* scratch_;
  std::ptrdiff_t scale_;
  std::size_t left_, row_words_;
  std::uint64_t outside_;
};

template <class V, class Word, bool kDilate>
inline void run_blocks(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                       std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  if (shape.lanes != 0) {
    if (run_planes<V, kDilate>(program, shape, src, dst, begin, end, scratch)) return;
  } else {
    if (run_small<V, kDilate>(program, shape, src, dst, begin, end, scratch)) return;
    if (run_columns<V, kDilate>(program, shape, src, dst, begin, end, scratch)) return;
  }
  const MorphTile tile = morph_tile(program, shape);
  Block<V, Word, kDilate> block(program, shape, tile, scratch);
  const std::size_t row_words = words_for(shape.row_bits);
  for (std::size_t x = 0; x < row_words; x += tile.words)
    for (std::size_t y = begin; y < end; y += tile.rows)
      block.run(src, y, x, lesser(tile.rows, end - y), lesser(tile.words, row_words - x),
                dst + (y - begin) * row_words + x);
}

template <class V, class Word>
inline void run_morphology(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                           std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  if (shape.dilate) return run_blocks<V, Word, true>(program, shape, src, dst, begin, end, scratch);
  run_blocks<V, Word, false>(program, shape, src, dst, begin, end, scratch);
}

}  // namespace
}  // namespace binmorph::kernels
