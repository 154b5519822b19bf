// One pass of a thinning algorithm over a packed image: which pixels go is a formula on their eight
// neighbours.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// First and second passes of an iteration.
// Guo and Hall, "Parallel thinning with two-subiteration algorithms", CACM 32(3), 1989.
// Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", CACM 27(3), 1984.
enum class ThinRule : std::uint8_t { guo_hall_1, guo_hall_2, zhang_suen_1, zhang_suen_2 };

// dst rows [begin, end) = src without the pixels that the rule removes; src and dst are whole images
// [height][words_for(width)] with zero tails, zeros outside. Returns whether any pixel went.
using ThinPass = bool(ThinRule rule, std::size_t height, std::size_t width, const std::uint64_t* src,
                      std::uint64_t* dst, std::size_t begin, std::size_t end);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/thinning/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
