// Fully connected threshold neurons on the dense bits of images (channel-packed layout).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/bits.h"
#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// What is counted, over the inputs that are one. S = popcount(x AND plus) - popcount(x AND minus).
enum class DenseForm : std::uint8_t {
  mask,     // no minus mask: the count is S
  sign,     // minus is the complement of plus: twice the count is S + popcount(x)
  ternary,  // plus, and what minus leaves: the count is S + popcount(x)
};

// Weights input by input: a row has one bit per output, so that the outputs are lanes, and the inputs that
// are zero are rows that nobody reads. A column of outputs is `pitch` words wide.
struct DenseProgram {
  DenseForm form;
  std::size_t inputs, outputs;
  std::size_t pitch;           // 1, 4 or 8
  std::size_t bits;            // of every sum: 2 inputs + 2 < 2^bits
  const std::uint64_t* rows;   // [columns][inputs * copies() + 1][pitch]: plus, ternary: and NOT minus; zeros
  const std::uint64_t* start;  // [columns][bits][pitch]: bit i of 2^bits - 1 - threshold, +inputs unless mask
  const std::uint64_t* invert;  // [columns][pitch]
  std::size_t copies() const { return form == DenseForm::ternary ? 2 : 1; }
  std::size_t columns() const { return (words_for(outputs) + pitch - 1) / pitch; }
  std::size_t column_rows() const { return inputs * copies() + 1; }
};

inline constexpr std::size_t kDenseImages = 32;  // whose lists of inputs are in scratch at a time
inline constexpr std::size_t kDenseGroup = 4;    // images that share a list of inputs by class

inline constexpr std::size_t kAppended = 16;  // entries that are written at a time

// Entries of the lists of a group: every input, what fills each class up, and what is written past its end.
inline std::size_t dense_entries(const DenseProgram& p) {
  constexpr std::size_t classes = std::size_t{1} << kDenseGroup, more = 8 + kAppended;
  return 64 * words_for(p.inputs) * p.copies() + classes * more;
}

// Words of scratch, for any number of images.
inline std::size_t dense_scratch_words(const DenseProgram& p) {
  constexpr std::size_t numbers = std::size_t{1} << kDenseGroup;
  return kDenseImages / kDenseGroup * dense_entries(p) / 2 + numbers * p.bits * p.pitch;
}

// Bit o of image i of y = [popcount(x AND plus) - popcount(x AND minus) >= threshold] XOR invert, for the
// outputs of columns [begin, end). x: [images][words_for(inputs)], tails zero; y:
// [images][words_for(outputs)].
using ThresholdDense = void(const DenseProgram& program, const std::uint64_t* x, std::size_t images,
                            std::uint64_t* y, std::size_t begin, std::size_t end, std::uint64_t* scratch);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/threshold_dense/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
