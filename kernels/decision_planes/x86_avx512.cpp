#include "kernels/common/vec_avx512.h"
#include "kernels/common/vec_u64.h"
#include "kernels/decision_planes/algorithm.h"

namespace binmorph::kernels {

void decision_planes_u64_u64__x86_avx512(const DecisionProgram& program, const PlaneShape& shape,
                                         const std::uint64_t* src, std::uint64_t* dst,
                                         std::uint64_t* scratch) {
  decide_planes<VecAvx512, VecAvx512Half, VecU64>(program, shape, src, dst, scratch);
}

}  // namespace binmorph::kernels
