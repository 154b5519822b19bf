#include "kernels/common/bits.h"
#include "kernels/decision_planes/decision_planes.h"

namespace binmorph::kernels {

void decision_planes_u64_u64__reference(const DecisionProgram& program, const PlaneShape& shape,
                                        const std::uint64_t* src, std::uint64_t* dst,
                                        std::uint64_t* scratch) {
  for (std::size_t y = 0; y < shape.rows; ++y) {
    for (std::size_t lane = 0; lane < 64 * shape.row_words; ++lane) {
      const std::uint64_t* word = src + y * shape.src_row_pitch + lane / 64;
      const auto read = [&](std::uint32_t reference) {
        const std::uint32_t offset = reference & ~kDecisionFlag;
        return reference & kDecisionFlag ? scratch[offset] != 0 : get_bit(word + offset, lane % 64);
      };
      scratch[0] = 0;
      scratch[kDecisionBlockWords] = 1;
      for (std::size_t i = 0; i < program.count; ++i) {
        const Decision& d = program.decisions[i];
        const bool value = read(d.select) ? read(d.high) : read(d.low);
        if (d.target & kDecisionFlag)
          set_bit(dst + (d.target & ~kDecisionFlag) * shape.dst_plane_pitch + y * shape.row_words, lane,
                  value);
        else
          scratch[d.target] = value;
      }
    }
  }
}

}  // namespace binmorph::kernels
