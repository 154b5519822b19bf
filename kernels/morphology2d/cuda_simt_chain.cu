// Several erosions and dilations by the 3x3 box or cross in one pass through memory: a thread goes down a
// column of 64 pixels with 32 more on either side, and each stage keeps the last two rows of what it reads.
// A stage spoils one pixel at either end, so that the middle stays right for up to 32 stages.
#include "kernels/common/cuda/device.cuh"
#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {
namespace {

struct Wide {
  std::uint32_t part[4];  // pixels -32 .. 95 of the word
};

// The erosion by box or cross of three rows.
template <bool cross>
__device__ __forceinline__ Wide erode(const Wide& above, const Wide& here, const Wide& below) {
  Wide folded, result;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    folded.part[i] = cross ? here.part[i] : above.part[i] & here.part[i] & below.part[i];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t before = i == 0 ? 0 : folded.part[i == 0 ? 0 : i - 1];
    const std::uint32_t after = i == 3 ? 0 : folded.part[i == 3 ? 3 : i + 1];
    result.part[i] = folded.part[i] & __funnelshift_l(before, folded.part[i], 1) &
                     __funnelshift_r(folded.part[i], after, 1);
    if (cross) result.part[i] &= above.part[i] & below.part[i];
  }
  return result;
}

// A dilation is the complement of the erosion of the complement: rows wait in the form in which their stage
// erodes them, outside pixels included.
template <bool cross, unsigned stages>
__device__ __forceinline__ void run_chain(const MorphologyChainParams& p, std::uint32_t item) {
  const unsigned words = words_of(p.width), blocks = (p.height + kChainRows - 1) / kChainRows;
  const unsigned w = item % words;
  const int height = static_cast<int>(p.height), first = static_cast<int>(item / words % blocks * kChainRows);
  const int last =
      first + static_cast<int>(kChainRows) < height ? first + static_cast<int>(kChainRows) : height;
  const std::uint64_t at = std::uint64_t{item / words / blocks} * p.height * words + w;
  const std::uint64_t tail = low_bits(p.width - w * 64);
  const std::uint64_t next = w + 1 < words ? low_bits(p.width - (w + 1) * 64) : 0;
  // Which pixels lie in the image's columns.
  const std::uint32_t keep[4] = {w == 0 ? 0 : ~0u, static_cast<std::uint32_t>(tail),
                                 static_cast<std::uint32_t>(tail >> 32), static_cast<std::uint32_t>(next)};
  const auto flip = [&](unsigned s) { return p.dilate >> s & 1 ? ~0u : 0; };
  const auto outside = [&](unsigned s) { return (p.border >> s & 1 ? ~0u : 0) ^ flip(s); };
  Wide above[stages] = {}, here[stages] = {};
  for (int t = first - static_cast<int>(stages); t < last + static_cast<int>(stages); ++t) {
    Wide row;
    const bool inside = t >= 0 && t < height;
    const auto* halves = reinterpret_cast<const std::uint32_t*>(
        p.src + at + (inside ? static_cast<std::uint64_t>(t) * words : 0));
    row.part[0] = inside && w != 0 ? halves[-1] : 0;
    row.part[1] = inside ? halves[0] : 0;
    row.part[2] = inside ? halves[1] : 0;
    row.part[3] = inside && w + 1 != words ? halves[2] : 0;
    std::uint32_t was = 0;  // the form of `row`
#pragma unroll
    for (unsigned s = 0; s < stages; ++s) {
      // `row` is row t - s of what stage s reads.
      const int y = t - static_cast<int>(s);
      const std::uint32_t change = was ^ flip(s), fill = outside(s);
      const bool there = y >= 0 && y < height;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const std::uint32_t mask = there ? keep[i] : 0;
        row.part[i] = ((row.part[i] ^ change) & mask) | (fill & ~mask);
      }
      const Wide result = erode<cross>(above[s], here[s], row);
      above[s] = here[s];
      here[s] = row;
      row = result;
      was = flip(s);
    }
    const int y = t - static_cast<int>(stages);
    if (y < first) continue;
    const std::uint64_t result = std::uint64_t{row.part[2] ^ was} << 32 | (row.part[1] ^ was);
    p.dst[at + static_cast<std::uint64_t>(y) * words] = result & tail;
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock)
    morphology_chain_u64_u64__cuda_simt(const MorphologyChainParams p) {
  take_turn();
  const auto item = static_cast<std::uint32_t>(thread_item());
  if (item >= p.images * ((p.height + kChainRows - 1) / kChainRows) * words_of(p.width)) return;
  if (p.cross && p.stages == 2) return run_chain<true, 2>(p, item);
  if (p.cross) return run_chain<true, 4>(p, item);
  if (p.stages == 2) return run_chain<false, 2>(p, item);
  run_chain<false, 4>(p, item);
}

}  // namespace binmorph::cuda
