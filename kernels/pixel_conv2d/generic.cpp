#include "kernels/common/conv_sums_plain.h"
#include "kernels/pixel_conv2d/pixel_conv2d.h"

namespace binmorph::kernels {

void pixel_conv2d_i16_i32__generic(const PixelConv2dProgram& program, const std::int16_t* extended,
                                   const SumRange& range, std::int32_t* y, std::size_t y_pitch) {
  plain_sums(program, extended, range, y, y_pitch, kSumLanes,
             [](std::int32_t sum, std::int32_t w, std::int32_t x) { return sum + w * x; });
}

}  // namespace binmorph::kernels
