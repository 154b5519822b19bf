// Images one after another along their channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/kernel_list.h"

namespace binmorph::kernels {

// parts[i]: [pixels][channels[i]] elements of four bytes; dst [pixels][sum of channels].
using ConcatValues = void(const void* const* parts, const std::size_t* channels, std::size_t count,
                          std::size_t pixels, void* dst);

// parts[i]: [pixels][words_for(channels[i])] words of bits, tails zero; dst [pixels][words_for(sum of
// channels)], tails zero.
using ConcatBits = void(const std::uint64_t* const* parts, const std::size_t* channels, std::size_t count,
                        std::size_t pixels, std::uint64_t* dst);

#define BINMORPH_KERNEL(op, isa, name) op name;
#include "kernels/concat/kernels.inc"
#undef BINMORPH_KERNEL

}  // namespace binmorph::kernels
