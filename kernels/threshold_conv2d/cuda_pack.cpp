#include "kernels/threshold_conv2d/cuda_pack.h"

#include <algorithm>

#include "kernels/common/bits.h"

namespace binmorph::cuda {
namespace {

using kernels::ConvForm;

// Word `w` of tap `tap` of one neuron's mask: 64 channels of the group.
std::uint64_t tap_word(const ConvGeometry& g, const std::uint64_t* mask, std::size_t tap, std::size_t w) {
  const std::size_t end = std::min<std::size_t>(group_channels(g), (w + 1) * 64);
  std::uint64_t word = 0;
  for (std::size_t c = w * 64; c < end; ++c)
    word |= static_cast<std::uint64_t>(get_bit(mask, c * taps(g) + tap)) << (c % 64);
  return word;
}

}  // namespace

ConvForm form_of(const ConvGeometry& g, const std::uint64_t* plus, const std::uint64_t* minus) {
  const std::size_t inputs = std::size_t{group_channels(g)} * taps(g), words = words_for(inputs);
  bool none = true, all = true;
  for (std::size_t i = 0; minus != nullptr && i < g.out_channels * words; ++i) {
    none = none && minus[i] == 0;
    all = all && (plus[i] | minus[i]) == (i % words + 1 == words ? tail_mask(inputs) : ~std::uint64_t{0});
  }
  return none ? ConvForm::mask : all ? ConvForm::sign : ConvForm::ternary;
}

PackedWindows pack_windows_simt(const ConvGeometry& g, const std::uint64_t* plus,
                                const std::uint64_t* minus) {
  const std::size_t lanes = lanes_for(g.out_channels), run = std::size_t{taps(g)} * tap_words(g);
  const std::size_t mask_words = words_for(std::size_t{group_channels(g)} * taps(g));
  PackedWindows result{form_of(g, plus, minus), std::vector<std::uint64_t>(lanes * run, 0), {}};
  if (result.form == ConvForm::ternary) result.minus.assign(lanes * run, 0);
  for (std::size_t o = 0; o < g.out_channels; ++o)
    for (std::size_t k = 0; k < run; ++k) {
      const std::size_t to = (o / 32 * run + k) * 32 + o % 32, tap = k / tap_words(g), w = k % tap_words(g);
      result.plus[to] = tap_word(g, plus + o * mask_words, tap, w);
      if (result.form == ConvForm::ternary) result.minus[to] = tap_word(g, minus + o * mask_words, tap, w);
    }
  return result;
}

PackedWindows pack_windows_mma(const ConvGeometry& g, const std::uint64_t* plus, const std::uint64_t* minus) {
  const std::size_t lanes = lanes_for(g.out_channels), run = std::size_t{taps(g)} * tap_words(g);
  const std::size_t mask_words = words_for(std::size_t{group_channels(g)} * taps(g)), chunks = (run + 3) / 4;
  PackedWindows result{form_of(g, plus, minus), std::vector<std::uint64_t>(lanes * chunks * 4, 0), {}};
  if (result.form == ConvForm::ternary) result.minus.assign(lanes * chunks * 4 + lanes / 2, 0);
  for (std::size_t o = 0; o < g.out_channels; ++o) {
    // The column tile and column that hold output o of its block of 64.
    const std::size_t in_block = o % 64, tile = in_block % 16 / 2, column = in_block / 16 * 2 + in_block % 2;
    std::uint64_t size = 0;
    for (std::size_t k = 0; k < run; ++k) {
      const std::size_t to = ((o / 64 * chunks + k / 4) * 8 + tile) * 32 + column * 4 + k % 4;
      const std::size_t tap = k / tap_words(g), w = k % tap_words(g);
      result.plus[to] = tap_word(g, plus + o * mask_words, tap, w);
      if (result.form != ConvForm::ternary) continue;
      result.minus[to] = tap_word(g, minus + o * mask_words, tap, w);
      for (std::uint64_t left = result.minus[to]; left != 0; left &= left - 1) ++size;
    }
    if (result.form == ConvForm::ternary) result.minus[lanes * chunks * 4 + o / 2] |= size << (o % 2 * 32);
  }
  return result;
}

std::vector<std::uint32_t> pack_invert(const std::uint8_t* invert, std::uint32_t outputs) {
  std::vector<std::uint32_t> result(lanes_for(outputs) / 32, 0);
  for (std::uint32_t o = 0; o < outputs; ++o) result[o / 32] |= std::uint32_t{invert[o]} << (o % 32);
  return result;
}

}  // namespace binmorph::cuda
