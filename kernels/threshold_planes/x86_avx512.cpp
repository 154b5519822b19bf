#include "kernels/common/vec_avx512.h"
#include "kernels/common/vec_u64.h"
#include "kernels/threshold_planes/algorithm.h"

namespace binmorph::kernels {

void threshold_planes_u64_u64__x86_avx512(const PlaneProgram& program, const PlaneShape& shape,
                                          const std::uint64_t* src, std::uint64_t* dst, std::size_t begin,
                                          std::size_t end, std::uint64_t* scratch) {
  run_planes<VecAvx512, VecAvx512Half, VecU64>(program, shape, src, dst, begin, end, scratch);
}

}  // namespace binmorph::kernels
