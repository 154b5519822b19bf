#include <immintrin.h>

#include "kernels/common/unroll.h"
#include "kernels/threshold_conv2d/lanes.h"

namespace binmorph::kernels {
namespace {

using Unit = std::uint16_t;
constexpr std::size_t kVector = 32;  // outputs in a vector, 16 inputs of each per step
constexpr int kPixels = 8, kVectors = 2;

inline __m512i broadcast(const Unit* p) {
  std::int16_t word;
  std::memcpy(&word, p, sizeof word);
  return _mm512_set1_epi16(word);
}

template <ConvForm form>
inline __m512i matches(__m512i x, const Unit* w) {
  const __m512i first = _mm512_loadu_si512(w);
  if (form == ConvForm::mask) return _mm512_and_si512(x, first);
  if (form == ConvForm::sign) return _mm512_xor_si512(x, first);
  return _mm512_ternarylogic_epi32(x, first, _mm512_loadu_si512(w + kVector), 0x28);  // (x ^ first) & second
}

// What the lanes of a tile are compared with, or added to.
struct Finish {
  const std::int16_t* threshold;  // of class 0, less one
  const std::int32_t* constant;   // of class 0
  const std::int16_t* constant16;
  unsigned shift;
  const std::uint8_t* invert;
  std::size_t lanes;  // from one class to the next
};

inline void put(const Finish& f, std::size_t pixel_class, int v, __m512i count, std::uint8_t* to) {
  const std::int16_t* threshold = f.threshold + pixel_class * f.lanes;
  std::uint32_t bits;
  std::memcpy(&bits, f.invert + 4 * v, sizeof bits);
  bits ^= _mm512_cmpgt_epi16_mask(count, _mm512_loadu_si512(threshold + v * kVector));
  std::memcpy(to + 4 * v, &bits, sizeof bits);
}

inline void put(const Finish& f, std::size_t pixel_class, int v, __m512i count, std::int32_t* to) {
  const std::int32_t* constant = f.constant + pixel_class * f.lanes + v * kVector;
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(f.shift));
  // Zero-masked forms: GCC 12 warns of the undefined vector inside the plain ones.
  const __m256i low = _mm512_maskz_extracti64x4_epi64(0xff, count, 0);
  const __m256i high = _mm512_maskz_extracti64x4_epi64(0xff, count, 1);
  const auto finish = [&](__m256i part, int at) {
    const __m512i sum = _mm512_maskz_sll_epi32(0xffff, _mm512_maskz_cvtepu16_epi32(0xffff, part), shift);
    _mm512_storeu_si512(to + v * kVector + at, _mm512_add_epi32(sum, _mm512_loadu_si512(constant + at)));
  };
  finish(low, 0);
  finish(high, 16);
}

inline void put(const Finish& f, std::size_t pixel_class, int v, __m512i count, std::int16_t* to) {
  const std::int16_t* constant = f.constant16 + pixel_class * f.lanes + v * kVector;
  const __m512i sum =
      _mm512_maskz_sll_epi16(~__mmask32{0}, count, _mm_cvtsi32_si128(static_cast<int>(f.shift)));
  _mm512_storeu_si512(to + v * kVector, _mm512_add_epi16(sum, _mm512_loadu_si512(constant)));
}

// Pixels x vectors of outputs at once: every weight loaded serves `pixels` counts, every broadcast `vectors`.
template <ConvForm form, int pixels, int vectors, class T>
inline void tile(const Finish& finish, const Runs& runs, const Unit* weights, std::size_t pitch,
                 const Unit* const* pixel, const std::uint32_t* pixel_class, T* to, std::size_t to_pitch) {
  constexpr std::size_t step = form == ConvForm::ternary ? 2 * kVector : kVector;
  __m512i count[pixels][vectors];
  repeat<pixels * vectors>(BINMORPH_UNROLL(n) { count[n / vectors][n % vectors] = _mm512_setzero_si512(); });
  for (std::size_t r = 0; r < runs.count; ++r) {
    const std::size_t offset = runs[r];
    const Unit* from[pixels];
    repeat<pixels>(BINMORPH_UNROLL(i) { from[i] = pixel[i] + offset; });
    for (std::size_t u = 0; u < runs.units; ++u, weights += step) {
      __m512i x[pixels];
      repeat<pixels>(BINMORPH_UNROLL(i) { x[i] = broadcast(from[i] + u); });
      repeat<pixels * vectors>(BINMORPH_UNROLL(n) {
        const int v = n / pixels, i = n % pixels;
        count[i][v] =
            _mm512_add_epi16(count[i][v], _mm512_popcnt_epi16(matches<form>(x[i], weights + v * pitch)));
      });
    }
  }
  repeat<pixels>(BINMORPH_UNROLL(i) {
    T* pixel_to = to + i * to_pitch;
    repeat<vectors>(BINMORPH_UNROLL(v) { put(finish, pixel_class[i], v, count[i][v], pixel_to); });
  });
}

template <ConvForm form, int vectors, class T>
void count_lanes(const ConvProgram& p, const ConvRange& range, const Extended<Unit>& e, const Runs& runs,
                 std::size_t g, std::size_t lane, const Lanes<T>& lanes) {
  const ConvShape& s = p.shape;
  const std::size_t pitch = runs.count * runs.units * kVector * (form == ConvForm::ternary ? 2 : 1);
  const auto* weights = static_cast<const Unit*>(p.weights) + lane / kVector * pitch;
  const Finish finish{p.threshold16 + lane, p.constant + lane, p.constant16 + lane, p.shift,
                      p.invert + lane / 8,  p.lanes()};
  const std::size_t width = s.out_width(), total = (range.row_end - range.row_begin) * width;
  const std::size_t pixel_step = s.stride_w * e.units, row_step = s.stride_h * e.row_pitch;
  const Unit* row = e.pixel(s, g, range.row_begin, 0);
  const std::uint32_t* row_class = p.row_class + range.row_begin;
  T* to = lanes.at(range.row_begin, 0, lane);
  std::size_t x = 0;
  for (std::size_t left = total; left > 0;) {
    const Unit* pixel[kPixels];
    std::uint32_t pixel_class[kPixels];
    const int count = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    for (int i = 0; i < count; ++i) {
      pixel[i] = row + x * pixel_step;
      pixel_class[i] = *row_class + p.column_class[x];
      if (++x == width) x = 0, row += row_step, ++row_class;
    }
    switch (count) {
      case 8:
        tile<form, 8, vectors>(finish, runs, weights, pitch, pixel, pixel_class, to, lanes.pitch);
        break;
      case 4:
        tile<form, 4, vectors>(finish, runs, weights, pitch, pixel, pixel_class, to, lanes.pitch);
        break;
      case 2:
        tile<form, 2, vectors>(finish, runs, weights, pitch, pixel, pixel_class, to, lanes.pitch);
        break;
      default:
        tile<form, 1, vectors>(finish, runs, weights, pitch, pixel, pixel_class, to, lanes.pitch);
        break;
    }
    left -= static_cast<std::size_t>(count);
    to += static_cast<std::size_t>(count) * lanes.pitch;
  }
}

template <ConvForm form, class T>
void count_all(const ConvProgram& p, const ConvRange& range, const Extended<Unit>& e, const Lanes<T>& lanes) {
  const Runs runs = window_runs(p.shape, e);
  for_each_group(p, range, [&](std::size_t g, std::size_t begin, std::size_t end) {
    const std::size_t first = g * p.group_lanes;
    std::size_t lane = first + begin;
    for (; lane + kVectors * kVector <= first + end; lane += kVectors * kVector)
      count_lanes<form, kVectors>(p, range, e, runs, g, lane, lanes);
    if (lane < first + end) count_lanes<form, 1>(p, range, e, runs, g, lane, lanes);
  });
}

template <class T, class Y>
inline void run(const ConvProgram& p, const std::uint64_t* x, Y* y, std::size_t y_pitch,
                const ConvRange& range, std::uint64_t* scratch) {
  if (range.row_begin == range.row_end) return;
  auto* spare = reinterpret_cast<Unit*>(scratch);
  const Extended<Unit> e = extend(p.shape, x, range.row_begin, range.row_end, spare);
  const Lanes<T> lanes = place_lanes(p, range, y, y_pitch, scratch + extended_words<Unit>(p.shape));
  switch (p.form) {
    case ConvForm::mask:
      count_all<ConvForm::mask>(p, range, e, lanes);
      break;
    case ConvForm::sign:
      count_all<ConvForm::sign>(p, range, e, lanes);
      break;
    case ConvForm::ternary:
      count_all<ConvForm::ternary>(p, range, e, lanes);
      break;
  }
  finish_lanes(p, range, lanes, y, y_pitch);
}

}  // namespace

BINMORPH_CONV2D_KERNELS(x86_avx512_popcnt)

}  // namespace binmorph::kernels
