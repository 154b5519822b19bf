#include <cmath>

#include "kernels/common/conv_sums_plain.h"
#include "kernels/conv2d/conv2d.h"

namespace binmorph::kernels {

void conv2d_f32_f32__generic(const Conv2dProgram& program, const float* extended, const SumRange& range,
                             float* y, std::size_t y_pitch) {
  plain_sums(program, extended, range, y, y_pitch, kSumLanes,
             [](float sum, float w, float x) { return std::fma(w, x, sum); });
}

}  // namespace binmorph::kernels
