#include "kernels/common/cuda/window.cuh"
#include "kernels/truth_table/cuda_truth_table.h"

namespace binmorph::cuda {

// A lane is a pixel: neighbours ask for neighbouring words and for entries of the same table. Words are read
// by halves, whose bits one shift brings down.
extern "C" __global__ void __launch_bounds__(kBlock)
    truth_table_u64_u64__cuda_simt(const TruthTableParams p) {
  take_turn();
  const ConvGeometry& g = p.geometry;
  const std::uint64_t pixel = thread_item();
  if (pixel >= out_pixels(g)) return;
  const Window window = window_of(g, static_cast<std::uint32_t>(pixel));
  const unsigned halves = 2 * words_of(g.channels), pitch = 2 * words_of(1u << p.reads * taps(g));
  const auto* image = reinterpret_cast<const std::uint32_t*>(p.x) +
                      static_cast<std::uint64_t>(window.image) * g.height * g.width * halves;
  const auto* table = reinterpret_cast<const std::uint32_t*>(p.table);
  const std::uint32_t outside = g.border == kernels::Border::ones ? ~0u : 0;
  const std::uint32_t first = blockIdx.y * 32;
  std::uint32_t result = 0;
  for (std::uint32_t o = first; o < first + 32 && o < g.out_channels; ++o) {
    std::uint32_t entry = 0, input = 0;
    for (std::uint32_t r = 0; r < p.reads; ++r) {
      const auto channel = static_cast<std::uint32_t>(p.channels[o * p.reads + r]);
      for (std::uint32_t i = 0; i < g.kernel_h; ++i)
        for (std::uint32_t j = 0; j < g.kernel_w; ++j, ++input) {
          const std::uint64_t tap = tap_of(g, window, i, j);
          const std::uint32_t x = tap == kOutside ? outside : image[tap * halves + channel / 32];
          entry |= (x >> channel % 32 & 1) << input;
        }
    }
    result |= (table[static_cast<std::uint64_t>(o) * pitch + entry / 32] >> entry % 32 & 1) << o % 32;
  }
  const std::uint64_t to = pixel * words_of(g.out_channels) * 2 + blockIdx.y;
  reinterpret_cast<std::uint32_t*>(p.y)[to] = result;
}

}  // namespace binmorph::cuda
