#include "kernels/common/conv_sums_tile.h"
#include "kernels/common/vec_f32_avx2.h"
#include "kernels/conv2d/conv2d.h"

namespace binmorph::kernels {
namespace {

struct Floats : VecF32Avx2 {
  using Weight = float;
  using Sum = float;
  static constexpr int pixels(int) { return 6; }  // 12 sums, 2 weights and an input: 15 of 16 registers
  static Raw load_weights(const float* p) { return load(p); }
  static Raw broadcast(const float* p) { return fill(*p); }
  static Raw multiply_add(Raw sum, Raw w, Raw x) { return fma(w, x, sum); }
};

}  // namespace

void conv2d_f32_f32__x86_avx2(const Conv2dProgram& program, const float* extended, const SumRange& range,
                              float* y, std::size_t y_pitch) {
  conv_sums<Floats, 2>(program, extended, range, y, y_pitch);
}

}  // namespace binmorph::kernels
