#include "kernels/bisel/cuda_bisel.h"
#include "kernels/common/cuda/window.cuh"

namespace binmorph::cuda {

// A lane is an output. The BiSE neurons of 64 channels count side by side in bit planes (plane p holds bit p
// of 64 counts): count = popcount(x AND plus) + popcount(NOT x AND minus), which the threshold plus |minus|
// is compared with. The LUI then counts the 64 answers.
extern "C" __global__ void __launch_bounds__(kBlock, 3) bisel_u64_u64__cuda_simt(const BiselParams p) {
  take_turn();
  const ConvGeometry& g = p.geometry;
  const std::uint32_t pixel = blockIdx.x * (kBlock / 32) + threadIdx.x / 32;
  if (pixel >= out_pixels(g)) return;
  const unsigned lane = threadIdx.x % 32, block = blockIdx.y, words = words_of(g.channels);
  const Window window = window_of(g, pixel);
  const std::uint64_t* image = p.x + static_cast<std::uint64_t>(window.image) * g.height * g.width * words;
  const std::uint64_t outside = g.border == kernels::Border::ones ? ~std::uint64_t{0} : 0;
  std::int32_t count = 0;
  for (unsigned w = 0; w < words; ++w) {
    const std::uint64_t at = static_cast<std::uint64_t>(block) * words + w;
    std::uint64_t plane[kBiselPlanes] = {};
    std::uint64_t mask = at * taps(g) * 32 + lane;
    for (std::uint32_t i = 0; i < g.kernel_h; ++i)
      for (std::uint32_t j = 0; j < g.kernel_w; ++j, mask += 32) {
        const std::uint64_t tap = tap_of(g, window, i, j);
        const std::uint64_t x = tap == kOutside ? outside : image[tap * words + w];
        std::uint64_t carry = (x & p.plus[mask]) | (~x & p.minus[mask]);
#pragma unroll
        for (unsigned k = 0; k < kBiselPlanes; ++k) {
          if (k >= p.planes) break;
          const std::uint64_t sum = plane[k] ^ carry;
          carry &= plane[k];
          plane[k] = sum;
        }
      }
    std::uint64_t fires = ~std::uint64_t{0};  // count >= threshold, from the lowest plane up
#pragma unroll
    for (unsigned k = 0; k < kBiselPlanes; ++k) {
      if (k >= p.planes) break;
      const std::uint64_t t = p.threshold[(at * p.planes + k) * 32 + lane];
      fires = (plane[k] & ~t) | (~(plane[k] ^ t) & fires);
    }
    fires ^= p.invert[at * 32 + lane];
    count += __popcll(fires & p.lui_plus[at * 32 + lane]) - __popcll(fires & p.lui_minus[at * 32 + lane]);
  }
  const unsigned half = __ballot_sync(kWholeWarp, count >= p.lui_threshold[block * 32 + lane]);
  const std::uint64_t to = static_cast<std::uint64_t>(pixel) * words_of(g.out_channels) * 2 + block;
  if (lane == 0) reinterpret_cast<std::uint32_t*>(p.y)[to] = half ^ p.lui_invert[block];
}

}  // namespace binmorph::cuda
