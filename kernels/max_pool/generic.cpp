#include "kernels/common/vec_u64.h"
#include "kernels/max_pool/algorithm.h"

namespace binmorph::kernels {
namespace {

// Each step halves the number of gaps: groups of 1, 2, 4 .. bits slide together.
inline std::uint64_t even_bits(std::uint64_t v) {
  v &= 0x5555555555555555;
  v = (v | v >> 1) & 0x3333333333333333;
  v = (v | v >> 2) & 0x0f0f0f0f0f0f0f0f;
  v = (v | v >> 4) & 0x00ff00ff00ff00ff;
  v = (v | v >> 8) & 0x0000ffff0000ffff;
  return (v | v >> 16) & 0x00000000ffffffff;
}

}  // namespace

void max_pool_rows_u64_u64__generic(const PoolShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  max_pool_rows(shape, src, dst, [](std::uint64_t v) { return even_bits(v); });
}

void max_pool_planes_u64_u64__generic(const PoolShape& shape, std::size_t lane_words,
                                      const std::uint64_t* src, std::uint64_t* dst) {
  max_pool_planes<VecU64>(shape, lane_words, src, dst);
}

}  // namespace binmorph::kernels
