#include "kernels/common/bits.h"
#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {

void threshold_dense_u64_u8__reference(const DenseProgram& program, const std::uint64_t* x, std::uint8_t* y,
                                       std::size_t begin, std::size_t end) {
  for (std::size_t g = begin; g < end; ++g) {
    unsigned byte = 0;
    for (std::size_t j = 0; j < kDenseGroup; ++j) {
      std::int64_t count = 0;
      for (std::size_t i = 0; i < 64 * program.words; ++i) {
        const std::size_t at = (g * program.words + i / 64) * kDenseGroup + j;
        if (!get_bit(x, i)) continue;
        const bool plus = (program.plus[at] >> (i % 64)) & 1;
        count += plus;
        if (program.sign) count -= !plus;
        if (program.minus != nullptr) count -= (program.minus[at] >> (i % 64)) & 1;
      }
      byte |= static_cast<unsigned>(count >= program.threshold[g * kDenseGroup + j]) << j;
    }
    y[g] = static_cast<std::uint8_t>(byte ^ program.invert[g]);
  }
}

}  // namespace binmorph::kernels
