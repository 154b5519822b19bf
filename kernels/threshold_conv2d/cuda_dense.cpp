#include "kernels/threshold_conv2d/cuda_dense.h"

#include <cstring>

#include "kernels/common/bits.h"
#include "kernels/threshold_conv2d/cuda_tiles.h"

namespace binmorph::cuda {

using kernels::ConvForm;

std::optional<DensePlan> plan_dense(const ConvGeometry& g, ConvForm form, std::uint32_t max_blocks) {
  const bool one_pixel = taps(g) == 1 && g.stride_h == 1 && g.stride_w == 1 && g.top == 0 && g.left == 0;
  const std::size_t words = words_for(g.channels);
  if (!one_pixel || g.groups != 1 || words % 2 != 0 || g.channels > kMaxInputs) return {};
  return DensePlan{static_cast<std::uint32_t>(blocks_for(words, kSliceWords)),
                   static_cast<std::uint32_t>(blocks_for(g.out_channels, dense_outputs(form))), max_blocks};
}

std::vector<unsigned char> pack_dense(const ConvGeometry& g, ConvForm form, const DensePlan& plan,
                                      const std::uint64_t* plus, const std::uint64_t* minus,
                                      const std::int32_t* threshold) {
  const std::size_t outputs = dense_outputs(form), words = words_for(g.channels);
  const std::size_t table = outputs * 2 * (form == ConvForm::sign ? 2 : 1);
  const std::size_t masks = std::size_t{plan.blocks} * plan.slices * kColumnsBytes;
  std::vector<unsigned char> result(masks + plan.blocks * table, 0);
  for (std::size_t block = 0; block < plan.blocks; ++block) {
    // Columns as in pack_tiles: a thread ends with neighbouring outputs.
    for (std::size_t n = 0; n < kDenseColumns; ++n) {
      const bool second = n >= outputs;
      const std::size_t column = second ? n - outputs : n;
      const std::size_t o = block * outputs + column / 2 % 4 * (outputs / 4) + column / 8 * 2 + column % 2;
      if (o >= g.out_channels) continue;
      for (std::size_t w = 0; w < words; ++w) {
        const std::size_t chunk = w % kSliceWords / 2 ^ n % 8;
        unsigned char* slice = result.data() + (block * plan.slices + w / kSliceWords) * kColumnsBytes;
        std::memcpy(slice + n * 128 + chunk * 16 + w % 2 * 8, (second ? minus : plus) + o * words + w, 8);
      }
    }
    if (threshold != nullptr)
      pack_thresholds(g, form, 1, outputs, block * outputs, threshold, result.data() + masks + block * table);
  }
  return result;
}

}  // namespace binmorph::cuda
