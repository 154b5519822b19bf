#include "kernels/common/vec_avx2.h"
#include "kernels/common/vec_u64.h"
#include "kernels/max_pool/algorithm.h"

namespace binmorph::kernels {

void max_pool_rows_u64_u64__x86_avx2(const PoolShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  max_pool_rows(shape, src, dst, [](std::uint64_t v) { return _pext_u64(v, 0x5555555555555555); });
}

void max_pool_planes_u64_u64__x86_avx2(const PoolShape& shape, std::size_t lane_words,
                                       const std::uint64_t* src, std::uint64_t* dst) {
  max_pool_planes<VecAvx2, VecU64>(shape, lane_words, src, dst);
}

}  // namespace binmorph::kernels
