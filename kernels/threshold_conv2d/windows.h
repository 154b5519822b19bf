// Windows that fit in one word: bit tap * channels of the group + channel, for kernels of layout windows.
#pragma once

#include "kernels/common/conv_shape.h"

namespace binmorph::kernels {
namespace {

constexpr std::size_t kWindowUnit = 32;  // inputs of a step

inline std::size_t window_units(const ConvShape& s) { return (s.inputs() + kWindowUnit - 1) / kWindowUnit; }

// Of a row of windows, in whole cache lines.
inline std::size_t window_words(const ConvShape& s) { return (s.out_width() + 7) / 8 * 8; }

}  // namespace
}  // namespace binmorph::kernels
