#include "kernels/bisel/cuda_bisel.h"
#include "kernels/common/cuda/window.cuh"

namespace binmorph::cuda {
namespace {

template <class Part>
__device__ __forceinline__ Part part_of(const std::uint64_t* words, std::uint64_t at, unsigned part) {
  return reinterpret_cast<const Part*>(words)[at * (sizeof(std::uint64_t) / sizeof(Part)) + part];
}

// A lane is an output. The BiSE neurons of the channels of a Part (a word, or half of one where counts are
// long) count side by side in bit planes (plane p holds bit p of every count): count = popcount(x AND plus) +
// popcount(NOT x AND minus), which the threshold plus |minus| is compared with. The LUI then counts the
// answers.
template <class Part, unsigned Planes>
__device__ __forceinline__ void bisel(const BiselParams& p) {
  take_turn();
  const ConvGeometry& g = p.geometry;
  const std::uint32_t pixel = blockIdx.x * (kBlock / 32) + threadIdx.x / 32;
  if (pixel >= out_pixels(g)) return;
  constexpr unsigned kParts = sizeof(std::uint64_t) / sizeof(Part);
  const unsigned lane = threadIdx.x % 32, block = blockIdx.y, words = words_of(g.channels);
  const Window window = window_of(g, pixel);
  const std::uint64_t* image = p.x + static_cast<std::uint64_t>(window.image) * g.height * g.width * words;
  const Part outside = g.border == kernels::Border::ones ? ~Part{0} : 0;
  std::int32_t count = 0;
  for (unsigned of_pixel = 0; of_pixel < words * kParts; ++of_pixel) {
    const unsigned w = of_pixel / kParts, part = of_pixel % kParts;
    const std::uint64_t at = static_cast<std::uint64_t>(block) * words + w;
    Part plane[Planes] = {};
    std::uint64_t mask = at * taps(g) * 32 + lane;
    for (std::uint32_t i = 0; i < g.kernel_h; ++i)
      for (std::uint32_t j = 0; j < g.kernel_w; ++j, mask += 32) {
        const std::uint64_t tap = tap_of(g, window, i, j);
        const Part x = tap == kOutside ? outside : part_of<Part>(image, tap * words + w, part);
        Part carry = (x & part_of<Part>(p.plus, mask, part)) | (~x & part_of<Part>(p.minus, mask, part));
#pragma unroll
        for (unsigned k = 0; k < Planes; ++k) {
          if (k >= p.planes) break;
          const Part sum = plane[k] ^ carry;
          carry &= plane[k];
          plane[k] = sum;
        }
      }
    Part fires = ~Part{0};  // count >= threshold, from the lowest plane up
#pragma unroll
    for (unsigned k = 0; k < Planes; ++k) {
      if (k >= p.planes) break;
      const Part t = part_of<Part>(p.threshold, (at * p.planes + k) * 32 + lane, part);
      fires = (plane[k] & ~t) | (~(plane[k] ^ t) & fires);
    }
    fires ^= part_of<Part>(p.invert, at * 32 + lane, part);
    count += __popcll(fires & part_of<Part>(p.lui_plus, at * 32 + lane, part)) -
             __popcll(fires & part_of<Part>(p.lui_minus, at * 32 + lane, part));
  }
  const unsigned half = __ballot_sync(kWholeWarp, count >= p.lui_threshold[block * 32 + lane]);
  const std::uint64_t to = static_cast<std::uint64_t>(pixel) * words_of(g.out_channels) * 2 + block;
  if (lane == 0) reinterpret_cast<std::uint32_t*>(p.y)[to] = half ^ p.lui_invert[block];
}

}  // namespace

BINMORPH_DEVICE_KERNEL(bisel_u64_u64__cuda_simt, BiselParams, (kBlock, 3), bisel<std::uint64_t, kBiselPlanes>)
BINMORPH_DEVICE_KERNEL(bisel_wide_u64_u64__cuda_simt, BiselParams, (kBlock, 3),
                       bisel<std::uint32_t, kWideBiselPlanes>)

}  // namespace binmorph::cuda
