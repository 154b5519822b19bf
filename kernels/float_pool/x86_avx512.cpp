#include "kernels/common/vec_f32_avx512.h"
#include "kernels/float_pool/algorithm.h"

namespace binmorph::kernels {

void float_pool__x86_avx512(const PoolShape& shape, PoolKind kind, const float* src, float* dst,
                            std::size_t row_begin, std::size_t row_end) {
  pool_f32<VecF32Avx512>(shape, kind, src, dst, row_begin, row_end);
}

}  // namespace binmorph::kernels
