#include <immintrin.h>

#include <cstring>

#include "kernels/common/conv_sums_tile.h"
#include "kernels/pixel_conv2d/pixel_conv2d.h"

namespace binmorph::kernels {
namespace {

struct Pairs {
  using Weight = std::int16_t;
  using Sum = std::int32_t;
  using Raw = __m512i;
  using Mask = __mmask16;
  static constexpr std::size_t lanes = 16;
  static constexpr int pixels(int vectors) { return vectors == 4 ? 6 : 8; }
  static Mask first_lanes(std::size_t count) {
    return static_cast<Mask>(_bzhi_u32(0xffff, count < lanes ? static_cast<unsigned>(count) : 16));
  }
  static Raw load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static void store(std::int32_t* p, Raw v) { _mm512_storeu_si512(p, v); }
  static void store(std::int32_t* p, Raw v, Mask m) { _mm512_mask_storeu_epi32(p, m, v); }
  static Raw load_weights(const std::int16_t* p) { return _mm512_loadu_si512(p); }
  static Raw broadcast(const std::int16_t* p) {
    std::int32_t pair;
    std::memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
  }
  static Raw multiply_add(Raw sum, Raw w, Raw x) { return _mm512_add_epi32(sum, _mm512_madd_epi16(w, x)); }
};

}  // namespace

void pixel_conv2d_i16_i32__x86_avx512(const PixelConv2dProgram& program, const std::int16_t* extended,
                                      const SumRange& range, std::int32_t* y, std::size_t y_pitch) {
  conv_sums<Pairs, 4>(program, extended, range, y, y_pitch);
}

}  // namespace binmorph::kernels
