#include "kernels/common/vec_f32.h"
#include "kernels/float_pool/algorithm.h"

namespace binmorph::kernels {
namespace {

struct Float : VecF32 {
  static Raw div(Raw a, Raw b) { return a / b; }
  static Raw max_or_nan(Raw m, Raw x) { return x > m || x != x ? x : m; }
};

}  // namespace

void float_pool__generic(const PoolShape& shape, PoolKind kind, const float* src, float* dst,
                         std::size_t row_begin, std::size_t row_end) {
  pool_f32<Float>(shape, kind, src, dst, row_begin, row_end);
}

}  // namespace binmorph::kernels
