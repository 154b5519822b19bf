#include "kernels/bisel/cuda_pack.h"

#include "kernels/common/bits.h"

namespace binmorph::cuda {

PackedBisel pack_bisel(const ConvGeometry& g, const BiselNeurons& n) {
  const std::size_t lanes = lanes_for(g.out_channels), words = words_for(g.channels), window = taps(g);
  const std::size_t blocks = lanes / 32, mask_words = words_for(window);
  PackedBisel result;
  for (result.planes = 1; (window + 1) >> result.planes != 0;) ++result.planes;
  const auto zeros = [&](std::size_t per_word) {
    return std::vector<std::uint64_t>(blocks * words * per_word * 32, 0);
  };
  result.plus = zeros(window);
  result.minus = zeros(window);
  result.threshold = zeros(result.planes);
  result.invert = zeros(1);
  result.lui_plus = zeros(1);
  result.lui_minus = zeros(1);
  result.lui_threshold.assign(lanes, INT32_MAX);
  result.lui_invert.assign(blocks, 0);
  for (std::size_t o = 0; o < g.out_channels; ++o) {
    result.lui_threshold[o] = n.lui_threshold[o];
    result.lui_invert[o / 32] |= std::uint32_t{n.lui_invert[o]} << (o % 32);
    for (std::size_t c = 0; c < g.channels; ++c) {
      const std::size_t neuron = o * g.channels + c, word = o / 32 * words + c / 64;
      const auto slot = [&](std::size_t per_word, std::size_t i) {
        return (word * per_word + i) * 32 + o % 32;
      };
      const std::uint64_t bit = std::uint64_t{1} << (c % 64);
      std::uint32_t negative = 0;
      for (std::size_t i = 0; i < window; ++i) {
        if (get_bit(n.bise_plus + neuron * mask_words, i)) result.plus[slot(window, i)] |= bit;
        if (!get_bit(n.bise_minus + neuron * mask_words, i)) continue;
        result.minus[slot(window, i)] |= bit;
        ++negative;
      }
      const auto threshold = static_cast<std::uint32_t>(n.bise_threshold[neuron]) + negative;
      for (std::size_t k = 0; k < result.planes; ++k)
        if (threshold >> k & 1) result.threshold[slot(result.planes, k)] |= bit;
      if (n.bise_invert[neuron]) result.invert[slot(1, 0)] |= bit;
      if (get_bit(n.lui_plus + o * words, c)) result.lui_plus[slot(1, 0)] |= bit;
      if (get_bit(n.lui_minus + o * words, c)) result.lui_minus[slot(1, 0)] |= bit;
    }
  }
  return result;
}

}  // namespace binmorph::cuda
