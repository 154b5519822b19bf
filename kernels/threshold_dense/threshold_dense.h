// Fully connected threshold neurons on dense bits of one image (channel-packed layout).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

inline constexpr std::size_t kDenseGroup = 8;  // neurons whose words are interleaved

// Word w of the mask of neuron 8 g + j lies at [(g * words + w) * 8 + j]: one vector holds word w of several
// neurons, so that counts add up lane by lane and no horizontal sum is needed.
struct DenseProgram {
  const std::uint64_t* plus;      // [groups][words][8]
  const std::uint64_t* minus;     // the same, or null when no neuron has a minus mask
  const std::int64_t* threshold;  // [groups][8]
  const std::uint8_t* invert;     // [groups]: bit j complements neuron 8 g + j
  std::size_t words;
  std::size_t groups;
  // Every input is in plus or in minus, the weights are signs: `minus` is not stored (null), and
  // popcount(x AND plus) - popcount(x AND NOT plus) = 2 popcount(x AND plus) - popcount(x).
  bool sign;
};

// Byte g of y = outputs of neurons 8 g .. 8 g + 7, for g in [begin, end):
// bit j = [popcount(x AND plus) - popcount(x AND minus) >= threshold] XOR invert. x: `words` words.
using ThresholdDense = void(const DenseProgram& program, const std::uint64_t* x, std::uint8_t* y,
                            std::size_t begin, std::size_t end);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/threshold_dense/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
