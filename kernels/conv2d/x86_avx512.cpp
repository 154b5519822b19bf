#include "kernels/common/conv_sums_tile.h"
#include "kernels/common/vec_f32_avx512.h"
#include "kernels/conv2d/conv2d.h"

namespace binmorph::kernels {
namespace {

struct Floats : VecF32Avx512 {
  using Weight = float;
  using Sum = float;
  // 24 sums, 4 weights and an input fit the 32 registers; narrower tiles are bound by pointers, not by them.
  static constexpr int pixels(int vectors) { return vectors == 4 ? 6 : 8; }
  static Raw load_weights(const float* p) { return load(p); }
  static Raw broadcast(const float* p) { return fill(*p); }
  static Raw multiply_add(Raw sum, Raw w, Raw x) { return fma(w, x, sum); }
};

}  // namespace

void conv2d_f32_f32__x86_avx512(const Conv2dProgram& program, const float* extended, const SumRange& range,
                                float* y, std::size_t y_pitch) {
  conv_sums<Floats, 4>(program, extended, range, y, y_pitch);
}

}  // namespace binmorph::kernels
