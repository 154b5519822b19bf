// Images to flat values, channel by channel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// src: `rows` rows of `width` bits, each starting on a word (tail bits zero); dst: rows * width bits without
// gaps, in words_for(rows * width) words, tail bits zero.
using Flatten = void(const std::uint64_t* src, std::size_t rows, std::size_t width, std::uint64_t* dst);

// src [pixels][channels], dst [channels][pixels], elements of four bytes.
using FlattenValues = void(const void* src, std::size_t pixels, std::size_t channels, void* dst);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/flatten/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
