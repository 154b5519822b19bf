#include "kernels/common/vec_u64.h"
#include "kernels/sparse_conv2d/algorithm.h"
#include "kernels/sparse_conv2d/thresholds.h"

namespace binmorph::kernels {
namespace {

struct Values {
  std::int32_t of[64] = {};

  // Bit b of the numbers is word b * pitch of `planes`.
  Values(const std::uint64_t* planes, std::size_t pitch, std::size_t bits) {
    for (std::size_t b = 0; b < bits; ++b)
      for (std::size_t i = 0; i < 64; ++i)
        of[i] += static_cast<std::int32_t>(planes[b * pitch] >> i & 1) << b;
  }
  void put(std::int32_t* to, std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i) to[i] = of[i];
  }
  void subtract(std::int32_t* to, std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i) to[i] -= of[i];
  }
};

}  // namespace

void sparse_conv2d_u64_i32__generic(const SparseProgram& program, const std::uint64_t* planes,
                                    std::int32_t* y, std::size_t begin, std::size_t end,
                                    std::uint64_t* scratch) {
  count_image<VecU64, 8, VecU64, 4, Values>(program, planes, planes_to_images_u64_u64__generic, y, begin, end,
                                            scratch);
}

void sparse_threshold_u64_u64__generic(const SparseProgram& program, const SparseThresholds& thresholds,
                                       const std::uint64_t* planes, std::uint64_t* y, std::size_t begin,
                                       std::size_t end, std::uint64_t* scratch) {
  threshold_image<VecU64, 8, VecU64, 4>(program, thresholds, planes, planes_to_images_u64_u64__generic, y,
                                        begin, end, scratch);
}

}  // namespace binmorph::kernels
