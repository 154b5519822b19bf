// Packs BiSEL neurons for the device; offline, portable.
#pragma once

#include <vector>

#include "kernels/bisel/cuda_bisel.h"

namespace binmorph::cuda {

// Masks are rows of words_for(inputs) words: bise [outputs * channels], inputs the taps of the window in
// row-major order; lui [outputs], inputs the channels.
struct BiselNeurons {
  const std::uint64_t *bise_plus, *bise_minus;
  const std::int32_t* bise_threshold;
  const std::uint8_t* bise_invert;
  const std::uint64_t *lui_plus, *lui_minus;
  const std::int32_t* lui_threshold;
  const std::uint8_t* lui_invert;
};

// The tables of BiselParams, under the same names.
struct PackedBisel {
  std::uint32_t planes;
  std::vector<std::uint64_t> plus, minus, threshold, invert, lui_plus, lui_minus;
  std::vector<std::int32_t> lui_threshold;
  std::vector<std::uint32_t> lui_invert;
};

PackedBisel pack_bisel(const ConvGeometry& g, const BiselNeurons& neurons);

}  // namespace binmorph::cuda
