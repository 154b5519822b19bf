// Any part of the 3x3 window on large images, for the rate of memory: a thread goes down a column of 128
// pixels, one load of 16 bytes per row. Every load is there before the border rule replaces what it brought,
// so that the loads of later rows can be under way while a row is worked on.
#include "kernels/common/cuda/device.cuh"
#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {
namespace {

constexpr int kParts = 4;
enum class WideElement { box, cross, any };

struct alignas(16) Pixels {
  std::uint32_t part[kParts];
};

// Pixels -32 .. 159 of a column's row, the border in place of what lies outside.
struct WideRow {
  std::uint32_t part[kParts + 2];
};

// What is the same for all rows of a column.
struct WideColumn {
  const std::uint64_t* top;  // its words of row 0
  unsigned words;            // of a row
  int height;
  bool first, last;                // of the row
  std::uint32_t keep[kParts + 2];  // pixels of the image
  std::uint32_t border;
};

__device__ __forceinline__ WideRow read_row(const WideColumn& c, int y) {
  const bool inside = y >= 0 && y < c.height;
  const int at = y < 0 ? 0 : inside ? y : c.height - 1;
  const std::uint64_t* words = c.top + static_cast<std::uint64_t>(at) * c.words;
  const auto* parts = reinterpret_cast<const std::uint32_t*>(words);
  const Pixels middle = *reinterpret_cast<const Pixels*>(words);
  WideRow row;
  row.part[0] = parts[c.first ? 0 : -1];
#pragma unroll
  for (int i = 0; i < kParts; ++i) row.part[i + 1] = middle.part[i];
  row.part[kParts + 1] = parts[c.last ? kParts - 1 : kParts];
#pragma unroll
  for (int i = 0; i < kParts + 2; ++i) {
    const std::uint32_t settled = (row.part[i] & c.keep[i]) | (c.border & ~c.keep[i]);
    row.part[i] = inside ? settled : c.border;
  }
  return row;
}

template <bool dilate>
__device__ __forceinline__ std::uint32_t join(std::uint32_t a, std::uint32_t b) {
  return dilate ? a | b : a & b;
}

// Part i of a row and its neighbours to the left and to the right: dx = -1, 0, 1.
__device__ __forceinline__ std::uint32_t shifted(const WideRow& row, int i, int dx) {
  if (dx == 0) return row.part[i];
  return dx < 0 ? __funnelshift_l(row.part[i - 1], row.part[i], 1)
                : __funnelshift_r(row.part[i], row.part[i + 1], 1);
}

template <WideElement shape, bool dilate>
__device__ __forceinline__ Pixels fold(const WideRow& above, const WideRow& here, const WideRow& below,
                                       std::uint32_t element) {
  WideRow column = here;
  Pixels result;
  if (shape == WideElement::box)
#pragma unroll
    for (int i = 0; i < kParts + 2; ++i)
      column.part[i] = join<dilate>(join<dilate>(above.part[i], here.part[i]), below.part[i]);
#pragma unroll
  for (int i = 1; i <= kParts; ++i) {
    std::uint32_t all = dilate ? 0 : ~0u;
    if (shape == WideElement::any) {
#pragma unroll
      for (int point = 0; point < 9; ++point) {
        const WideRow& row = point < 3 ? above : point < 6 ? here : below;
        const std::uint32_t in = element >> point & 1 ? ~0u : 0;
        all = dilate ? all | (shifted(row, i, point % 3 - 1) & in)
                     : all & (shifted(row, i, point % 3 - 1) | ~in);
      }
    } else {
      all = join<dilate>(join<dilate>(shifted(column, i, -1), column.part[i]), shifted(column, i, 1));
      if (shape == WideElement::cross) all = join<dilate>(join<dilate>(all, above.part[i]), below.part[i]);
    }
    result.part[i - 1] = all;
  }
  return result;
}

template <WideElement shape, bool dilate>
__device__ __forceinline__ void go_down(const WideColumn& c, std::uint64_t* top, int first,
                                        std::uint32_t element) {
  WideRow rows[3] = {read_row(c, first - 1), read_row(c, first), {}};
#pragma unroll
  for (int i = 0; i < static_cast<int>(kWideRows); ++i) {
    rows[(i + 2) % 3] = read_row(c, first + i + 1);
    Pixels result = fold<shape, dilate>(rows[i % 3], rows[(i + 1) % 3], rows[(i + 2) % 3], element);
#pragma unroll
    for (int part = 0; part < kParts; ++part) result.part[part] &= c.keep[part + 1];
    if (first + i < c.height)
      *reinterpret_cast<Pixels*>(top + static_cast<std::uint64_t>(first + i) * c.words) = result;
  }
}

template <bool dilate>
__device__ __forceinline__ void go_down(const WideColumn& c, std::uint64_t* top, int first,
                                        std::uint32_t element) {
  constexpr std::uint32_t kBox = 0x1FF, kCross = 0xBA;
  if (element == kBox) return go_down<WideElement::box, dilate>(c, top, first, element);
  if (element == kCross) return go_down<WideElement::cross, dilate>(c, top, first, element);
  go_down<WideElement::any, dilate>(c, top, first, element);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kBlock)
    morphology3x3_wide_u64_u64__cuda_simt(const Morphology3x3Params p) {
  take_turn();
  const unsigned words = words_of(p.width), across = words / 2;
  const unsigned blocks = (p.height + kWideRows - 1) / kWideRows;
  const auto item = static_cast<std::uint32_t>(thread_item());
  if (item >= p.images * blocks * across) return;
  const unsigned pair = item % across;
  const int first = static_cast<int>(item / across % blocks * kWideRows);
  const std::uint64_t at = std::uint64_t{item / across / blocks} * p.height * words + pair * 2;
  const bool begins = pair == 0, ends = pair + 1 == across;
  const unsigned left = p.width - pair * 128;  // pixels from here to the end of the row
  const std::uint64_t low = low_bits(left), high = left < 64 ? 0 : low_bits(left - 64);
  const WideColumn c{
      p.src + at,
      words,
      static_cast<int>(p.height),
      begins,
      ends,
      {begins ? 0 : ~0u, static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
       static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32), ends ? 0 : ~0u},
      p.border ? ~0u : 0};
  if (p.dilate)
    go_down<true>(c, p.dst + at, first, p.element);
  else
    go_down<false>(c, p.dst + at, first, p.element);
}

}  // namespace binmorph::cuda
