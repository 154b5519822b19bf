#include "kernels/common/cuda/device.cuh"
#include "kernels/thinning/choices.h"
#include "kernels/thinning/cuda_thinning.h"

namespace binmorph::cuda {
namespace {

// A word of a row with its pixels' neighbours to the west and to the east.
struct Triple {
  std::uint64_t west, here, east;
};

__device__ __forceinline__ Triple triple(const ThinParams& p, std::uint32_t y, unsigned w, unsigned words) {
  if (y >= p.height) return {0, 0, 0};  // the row above the first one is a huge number, too
  const std::uint64_t* row = p.src + std::uint64_t{y} * words;
  const std::uint64_t here = row[w];
  const std::uint64_t before = w == 0 ? 0 : row[w - 1], after = w + 1 == words ? 0 : row[w + 1];
  return {here << 1 | before >> 63, here, here >> 1 | after << 63};
}

template <kernels::ThinRule rule>
__device__ __forceinline__ void thin(const ThinParams& p, std::uint32_t y, unsigned w, unsigned words) {
  const Triple up = triple(p, y - 1, w, words), middle = triple(p, y, w, words);
  const Triple down = triple(p, y + 1, w, words);
  const std::uint64_t around[8] = {middle.east, up.east,   up.here,   up.west,
                                   middle.west, down.west, down.here, down.east};
  const std::uint64_t go = middle.here & kernels::removed<rule, 0, 256, 7>(around);
  p.dst[std::uint64_t{y} * words + w] = middle.here & ~go;
  if (go != 0) *p.changed = 1;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock) thin_u64_u64__cuda_simt(const ThinParams p) {
  take_turn();
  using kernels::ThinRule;
  const unsigned words = words_of(p.width);
  const std::uint64_t item = thread_item();
  if (item >= std::uint64_t{p.height} * words) return;
  const auto y = static_cast<std::uint32_t>(item / words);
  const auto w = static_cast<unsigned>(item % words);
  switch (p.rule) {
    case ThinRule::guo_hall_1:
      return thin<ThinRule::guo_hall_1>(p, y, w, words);
    case ThinRule::guo_hall_2:
      return thin<ThinRule::guo_hall_2>(p, y, w, words);
    case ThinRule::zhang_suen_1:
      return thin<ThinRule::zhang_suen_1>(p, y, w, words);
    case ThinRule::zhang_suen_2:
      return thin<ThinRule::zhang_suen_2>(p, y, w, words);
  }
}

}  // namespace binmorph::cuda
