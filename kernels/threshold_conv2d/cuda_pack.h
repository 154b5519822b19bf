// Packs the masks of threshold neurons for the device kernels of this folder; offline, portable.
#pragma once

#include <vector>

#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"

namespace binmorph::cuda {

struct PackedWindows {
  kernels::ConvForm form;
  std::vector<std::uint64_t> plus, minus;
};

// Masks [out_channels][words_for(inputs)], inputs in the order [channel of the group][row][column]; minus may
// be null (all zero).
kernels::ConvForm form_of(const ConvGeometry& g, const std::uint64_t* plus, const std::uint64_t* minus);
// For __cuda_simt: [lanes / 32][taps][tap_words][32].
PackedWindows pack_windows_simt(const ConvGeometry& g, const std::uint64_t* plus, const std::uint64_t* minus);
// For __cuda_mma: [lanes / 64][chunks of 4 words][8 tiles][32 lanes of a warp], as they hold the fragments of
// B; behind those of minus the number of its bits, int32 [lanes].
PackedWindows pack_windows_mma(const ConvGeometry& g, const std::uint64_t* plus, const std::uint64_t* minus);

// Bit o of the result = invert[o] (0 or 1), zero past the end.
std::vector<std::uint32_t> pack_invert(const std::uint8_t* invert, std::uint32_t outputs);

// Rows of `outputs` values, each continued with `fill` to lanes_for(outputs).
template <class T>
std::vector<T> pad_lanes(const T* values, std::size_t rows, std::uint32_t outputs, T fill) {
  const std::size_t lanes = lanes_for(outputs);
  std::vector<T> result(rows * lanes, fill);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t o = 0; o < outputs; ++o) result[r * lanes + o] = values[r * outputs + o];
  return result;
}

}  // namespace binmorph::cuda
