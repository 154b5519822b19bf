// Windows of few inputs: the taps of a window are joined to one word (windows.h), which all outputs share. 16
// outputs a vector, 32 inputs a step: AND or XOR with the broadcast word, vpopcntd, a comparison.
#include <immintrin.h>

#include "kernels/common/unroll.h"
#include "kernels/threshold_conv2d/lanes.h"
#include "kernels/threshold_conv2d/windows.h"

namespace binmorph::kernels {
namespace {

constexpr int kVector = 16, kVectors = kConvBlock / kVector;

// The words of a row of windows, eight at a time: one load, one shift and one OR per tap, from the last to
// the first.
inline void join_row(const ConvShape& s, const std::uint64_t* image, std::size_t row_pitch,
                     std::uint64_t* to) {
  const std::size_t width = s.out_width(), stride = s.stride_w;
  const __m128i by = _mm_cvtsi64_si128(static_cast<long long>(s.group_channels()));
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i at = _mm512_mullo_epi64(lanes, _mm512_set1_epi64(static_cast<long long>(stride)));
  for (std::size_t x = 0; x < width; x += 8) {
    const auto present = static_cast<__mmask8>(width - x < 8 ? (1u << (width - x)) - 1 : 0xff);
    __m512i joined = _mm512_setzero_si512();
    for (std::size_t i = s.kernel_h; i-- > 0;) {
      const std::uint64_t* row = image + i * s.dilation_h * row_pitch + x * stride;
      for (std::size_t j = s.kernel_w; j-- > 0;) {
        const std::uint64_t* tap = row + j * s.dilation_w;
        const __m512i bits = stride == 1
                                 ? _mm512_maskz_loadu_epi64(present, tap)
                                 : _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), present, at, tap, 8);
        joined = _mm512_or_si512(_mm512_maskz_sll_epi64(0xff, joined, by), bits);
      }
    }
    _mm512_storeu_si512(to + x, joined);
  }
}

// 64 outputs of a row of windows.
template <ConvForm form, int units>
inline void count_row(const ConvProgram& p, const std::uint64_t* windows, std::size_t lane,
                      const std::uint32_t row_class, std::uint8_t* to, std::size_t pitch) {
  constexpr int copies = form == ConvForm::ternary ? 2 : 1, vectors = units * copies * kVectors;
  const auto* weights = static_cast<const std::uint32_t*>(p.weights) + lane * units * copies;
  __m512i weight[vectors], threshold[kVectors] = {};  // in registers: what is stored might be these
  repeat<vectors>(BINMORPH_UNROLL(v) { weight[v] = _mm512_loadu_si512(weights + v * kVector); });
  std::uint64_t invert;
  std::memcpy(&invert, p.invert + lane / 8, sizeof invert);
  std::size_t last = SIZE_MAX;
  const std::size_t width = p.shape.out_width();
  for (std::size_t x = 0; x < width; ++x, to += pitch) {
    if (const std::size_t pixel_class = row_class + p.column_class[x]; pixel_class != last) {
      last = pixel_class;
      const std::int32_t* from = p.threshold + pixel_class * p.lanes() + lane;
      repeat<kVectors>(BINMORPH_UNROLL(v) { threshold[v] = _mm512_loadu_si512(from + v * kVector); });
    }
    __m512i count[kVectors];
    repeat<kVectors>(BINMORPH_UNROLL(v) { count[v] = _mm512_setzero_si512(); });
    repeat<units>(BINMORPH_UNROLL(u) {
      const __m512i input = _mm512_set1_epi32(static_cast<int>(windows[x] >> kWindowUnit * u));
      repeat<kVectors>(BINMORPH_UNROLL(v) {
        const int first = u * copies * kVectors + v;
        __m512i same;
        if (form == ConvForm::mask) same = _mm512_and_si512(input, weight[first]);
        if (form == ConvForm::sign) same = _mm512_xor_si512(input, weight[first]);
        if (form == ConvForm::ternary)  // (input ^ minus) & (plus | minus)
          same =
              _mm512_ternarylogic_epi32(input, weight[first], weight[first + (copies - 1) * kVectors], 0x28);
        count[v] = _mm512_add_epi32(count[v], _mm512_popcnt_epi32(same));
      });
    });
    __mmask16 fires[kVectors];
    repeat<kVectors>(BINMORPH_UNROLL(v) { fires[v] = _mm512_cmpge_epi32_mask(count[v], threshold[v]); });
    const std::uint64_t bits =
        invert ^ _mm512_kunpackd(_mm512_kunpackw(fires[3], fires[2]), _mm512_kunpackw(fires[1], fires[0]));
    std::memcpy(to, &bits, sizeof bits);
  }
}

template <ConvForm form, int units>
void count_all(const ConvProgram& p, const ConvRange& range, const Extended<std::uint64_t>& e,
               const Lanes<std::uint8_t>& lanes, std::uint64_t* windows) {
  for_each_group(p, range, [&](std::size_t g, std::size_t begin, std::size_t end) {
    for (std::size_t y = range.row_begin; y < range.row_end; ++y) {
      join_row(p.shape, e.pixel(p.shape, g, y, 0), e.row_pitch, windows);
      for (std::size_t lane = g * p.group_lanes + begin; lane < g * p.group_lanes + end; lane += kConvBlock)
        count_row<form, units>(p, windows, lane, p.row_class[y], lanes.at(y, 0, lane), lanes.pitch);
    }
  });
}

template <ConvForm form>
void count_all(const ConvProgram& p, const ConvRange& range, const Extended<std::uint64_t>& e,
               const Lanes<std::uint8_t>& lanes, std::uint64_t* windows) {
  if (window_units(p.shape) == 1) return count_all<form, 1>(p, range, e, lanes, windows);
  return count_all<form, 2>(p, range, e, lanes, windows);
}

}  // namespace

void threshold_conv2d_u64_u64__x86_avx512_window(const ConvProgram& p, const std::uint64_t* x,
                                                 std::uint64_t* y, const ConvRange& range,
                                                 std::uint64_t* scratch) {
  if (range.row_begin == range.row_end) return;
  const Extended<std::uint64_t> e = extend(p.shape, x, range.row_begin, range.row_end, scratch);
  std::uint64_t* windows = scratch + extended_words<std::uint64_t>(p.shape);
  const Lanes<std::uint8_t> lanes = place_lanes(p, range, y, 0, windows + window_words(p.shape));
  switch (p.form) {
    case ConvForm::mask:
      count_all<ConvForm::mask>(p, range, e, lanes, windows);
      break;
    case ConvForm::sign:
      count_all<ConvForm::sign>(p, range, e, lanes, windows);
      break;
    case ConvForm::ternary:
      count_all<ConvForm::ternary>(p, range, e, lanes, windows);
      break;
  }
  finish_lanes(p, range, lanes, y, 0);
}

}  // namespace binmorph::kernels
