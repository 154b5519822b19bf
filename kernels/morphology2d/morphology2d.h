// Erosion or dilation of a packed image by one structuring element, compiled beforehand into a program of row
// folds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// One read of the operation's definition: result pixel (y, x) reads image pixel (y + dy, x + dx).
struct SePoint {
  std::int32_t dy, dx;
};

// One read of a step: word w of row y of the result reads the 64 bits that start at bit `bit` of word w +
// `word` of row y + `row` of a buffer. Row 0 of every buffer is the topmost row that any point of the element
// reads.
struct SeOperand {
  std::uint32_t buffer;
  std::int32_t row;  // never negative
  std::int32_t word;
  std::uint32_t bit;  // 0 .. 63
};

// dst = the fold (AND for erosion, OR for dilation) of its operands: first those with bit 0, then the shifted
// ones. A step may write over one of its own operands if all its reads are at or after the place written.
struct SeStep {
  std::uint32_t first_operand;
  std::uint32_t plain, shifted;  // plain + shifted <= kSeMaxOperands
  std::uint32_t dst;             // a buffer; the last step writes the result instead
  std::uint32_t extra_rows;      // rows wanted beyond those of the result
};

inline constexpr std::uint32_t kSeMaxOperands = 64;

// Elements with a loop of their own, unrolled at compile time.
enum class SeSpecial : std::uint8_t { none, box3, box5, cross3, disk5 };

// A column of an element. Its rows are rows[its predecessor's rows_end .. rows_end), and all rows of its
// predecessor if it `grows`. The lists of shifts start where those of its predecessor end: up to wider_end
// those by which the fold of the rows is folded with itself, to make a run along x of it; then it stands at x
// = -shift up to left_end and at x = +shift up to right_end.
struct SeColumn {
  std::uint32_t rows_end, wider_end, left_end, right_end;
  bool grows;
};

inline constexpr std::uint32_t kSeColumnsReach = 127;  // rows of an element beyond the first

// The element as distinct columns, of pixels at most 63 to either side; none if it has no such form or if the
// steps are cheaper. rows: 0 .. reach, which is at most kSeColumnsReach.
struct SeColumns {
  const SeColumn* list;
  std::uint32_t count;
  const std::uint32_t* rows;
  const std::uint64_t* shifts;
};

// Buffer 0 holds the image; the steps run in order.
struct SeProgram {
  const SePoint* points;
  std::size_t point_count;
  const SeStep* steps;
  std::size_t step_count;
  const SeOperand* operands;
  std::uint32_t buffers;
  std::int32_t top;                       // smallest dy: row 0 of a buffer is image row begin + top
  std::uint32_t reach;                    // largest dy - smallest dy
  std::uint32_t left_words, right_words;  // words read on either side of a result word
  SeSpecial special;
  SeColumns columns;
};

// Images of `height` rows of `row_bits` bits, in words_for(row_bits) words. Pixels outside have the value
// `border`. A pixel is one bit of a row, or `lanes` whole words of it (bit planes: one image per bit); then
// words of operands and the x of points count pixels.
struct MorphShape {
  std::size_t height;
  std::size_t row_bits;
  std::size_t lanes;  // 0: a pixel is a bit
  bool dilate;
  bool border;
  std::size_t src_first;  // the image row that src starts with
};

// How the image is cut: blocks of `rows` x `words` of the result, whose buffers have rows of `pitch` words.
struct MorphTile {
  std::size_t rows, words, pitch, buffer_words, front;
};

MorphTile morph_tile(const SeProgram& program, const MorphShape& shape);

// At least a row: the walkers keep one of border values in it.
inline std::size_t morph_scratch_words(const SeProgram& program, const MorphShape& shape) {
  const std::size_t blocks = morph_tile(program, shape).buffer_words * program.buffers;
  return blocks < words_for(shape.row_bits) ? words_for(shape.row_bits) : blocks;
}

// Rows [begin, end) of the result, the first of them at dst; tail bits are zero. Reads the rows of src from
// begin + top to end + top + reach that lie in the image. scratch: morph_scratch_words words, 64-byte
// aligned, initialised; its contents do not matter.
using Morphology2d = void(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                          std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/morphology2d/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
