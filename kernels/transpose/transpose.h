// Between images of bits and bit planes of a block of images (batch-sliced layout).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// images: `count` images, image i at images + i * image_words, each `bits` bits in words_for(bits) words
// (tail zero). planes: plane b at planes + b * lane_words, lane_words = words per plane (so up to 64 *
// lane_words images);
//         bit i of plane b = bit b of image i. Lanes past `count` are written as zero.
using ImagesToPlanes = void(const std::uint64_t* images, std::size_t count, std::size_t image_words,
                            std::size_t bits, std::uint64_t* planes, std::size_t lane_words);

// The way back, for the first `count` lanes; tail bits of each image are written as zero.
using PlanesToImages = void(const std::uint64_t* planes, std::size_t lane_words, std::size_t bits,
                            std::uint64_t* images, std::size_t count, std::size_t image_words);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/transpose/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
