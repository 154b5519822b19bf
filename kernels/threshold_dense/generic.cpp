#include "kernels/common/vec_u64.h"
#include "kernels/threshold_dense/algorithm.h"

namespace binmorph::kernels {

void threshold_dense_u64_u64__generic(const DenseProgram& program, const std::uint64_t* x, std::size_t images,
                                      std::uint64_t* y, std::size_t begin, std::size_t end,
                                      std::uint64_t* scratch) {
  if (program.pitch == 1) return run_images<VecU64, 1>(program, x, images, y, begin, end, scratch);
  if (program.pitch == 4) return run_images<VecU64, 4>(program, x, images, y, begin, end, scratch);
  run_images<VecU64, 8>(program, x, images, y, begin, end, scratch);
}

}  // namespace binmorph::kernels
