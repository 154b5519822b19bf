#include "kernels/window/algorithm.h"

namespace binmorph::kernels {

void window_rows_u64_u64__x86_avx2(const WindowShape& shape, const std::uint64_t* src, std::uint64_t* dst) {
  window_rows(shape, src, dst);
}

}  // namespace binmorph::kernels
