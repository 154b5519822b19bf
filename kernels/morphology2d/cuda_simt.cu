#include "kernels/common/cuda/device.cuh"
#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {
namespace {

// One row of an image, continued to both sides with the border.
struct Row {
  const std::uint64_t* words;  // null: a row outside
  unsigned width;
  std::uint64_t border;

  __device__ __forceinline__ std::uint64_t word(int w) const {
    const int last = static_cast<int>((width - 1) / 64);
    if (words == nullptr || w < 0 || w > last) return border;
    const std::uint64_t value = words[w];
    return w == last ? value | (border & ~low_bits(width - static_cast<unsigned>(last) * 64)) : value;
  }
  // Pixels x .. x + 63.
  __device__ __forceinline__ std::uint64_t pixels(int x) const {
    const int w = x >> 6;  // rounds down
    const unsigned part = static_cast<unsigned>(x) & 63;
    const std::uint64_t low = word(w) >> part;
    return part == 0 ? low : low | word(w + 1) << (64 - part);
  }
};

}  // namespace

// Ranks between the extremes count in bit planes: plane p holds bit p of 64 pixels' counts.
inline constexpr unsigned kRankPlanes = 16;

extern "C" __global__ void __launch_bounds__(kBlock)
    morphology2d_u64_u64__cuda_simt(const MorphologyParams p) {
  take_turn();
  const unsigned words = words_of(p.width);
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(p.images) * p.height * words) return;
  const int w = static_cast<int>(item % words), y = static_cast<int>(item / words % p.height);
  const std::uint64_t* image = p.src + item / words / p.height * p.height * words;
  const std::uint64_t border = p.border ? ~std::uint64_t{0} : 0;
  const auto read = [&](const kernels::SePoint& point) {
    const int from = y + point.dy;
    const bool inside = from >= 0 && from < static_cast<int>(p.height);
    const Row row{inside ? image + static_cast<std::uint64_t>(from) * words : nullptr, p.width, border};
    return row.pixels(w * 64 + point.dx);
  };
  std::uint64_t result;
  if (p.rank == p.point_count) {
    result = ~std::uint64_t{0};
    for (unsigned i = 0; i < p.point_count; ++i) result &= read(p.points[i]);
  } else if (p.rank == 1) {
    result = 0;
    for (unsigned i = 0; i < p.point_count; ++i) result |= read(p.points[i]);
  } else {
    std::uint64_t plane[kRankPlanes] = {};
    for (unsigned i = 0; i < p.point_count; ++i) {
      std::uint64_t carry = read(p.points[i]);
#pragma unroll
      for (unsigned k = 0; k < kRankPlanes; ++k) {
        const std::uint64_t sum = plane[k] ^ carry;
        carry &= plane[k];
        plane[k] = sum;
      }
    }
    result = ~std::uint64_t{0};  // count >= rank, from the lowest plane up: equal so far counts as yes
#pragma unroll
    for (unsigned k = 0; k < kRankPlanes; ++k)
      result = p.rank >> k & 1 ? plane[k] & result : plane[k] | result;
  }
  const unsigned end = p.width - static_cast<unsigned>(w) * 64;
  p.dst[item] = result & low_bits(end);
}

namespace {

// Halves of 64 pixels of a row, and of those one to their left and to their right: [dx + 1][half].
struct Neighbours {
  std::uint32_t pixels[3][2];
};

// What is the same for all rows of a column of words.
struct Column {
  bool first, last;            // of the row
  std::uint64_t fill;          // the border behind the row's end
  std::uint32_t beyond;        // and in the word after this one
  std::uint32_t flip, border;  // complemented for dilations
};

// row: the word of this column.
__device__ __forceinline__ Neighbours neighbours(const Column& c, const std::uint64_t* row) {
  std::uint32_t left = c.border, low = c.border, high = c.border, right = c.border;
  if (row != nullptr) {
    const auto* halves = reinterpret_cast<const std::uint32_t*>(row);
    const std::uint64_t middle = *row;
    low = (static_cast<std::uint32_t>(middle) | static_cast<std::uint32_t>(c.fill)) ^ c.flip;
    high = (static_cast<std::uint32_t>(middle >> 32) | static_cast<std::uint32_t>(c.fill >> 32)) ^ c.flip;
    if (!c.first) left = halves[-1] ^ c.flip;
    if (!c.last) right = (halves[2] | c.beyond) ^ c.flip;
  }
  return {{{__funnelshift_l(left, low, 1), __funnelshift_l(low, high, 1)},
           {low, high},
           {__funnelshift_r(low, high, 1), __funnelshift_r(high, right, 1)}}};
}

// Goes down kMorphologyRows rows and keeps the last three, so that each row is read once. A dilation is the
// complement of the erosion of the complement; a point that is not in the element is ORed away.
template <bool use_zeros>
__device__ __forceinline__ void morphology3x3(const Morphology3x3Params& p) {
  take_turn();
  const unsigned words = words_of(p.width), blocks = (p.height + kMorphologyRows - 1) / kMorphologyRows;
  const auto item = static_cast<std::uint32_t>(thread_item());  // 2^32 of them are 2^41 pixels
  if (item >= p.images * blocks * words) return;
  const unsigned w = item % words;
  const int first = static_cast<int>(item / words % blocks * kMorphologyRows);
  const std::uint64_t at = std::uint64_t{item / words / blocks} * p.height * words + w;
  const std::uint64_t tail = low_bits(p.width - w * 64);
  const std::uint64_t next_tail = w + 1 < words ? low_bits(p.width - (w + 1) * 64) : 0;
  const std::uint32_t flip = p.dilate ? ~0u : 0, border = p.border ? ~0u : 0;
  const Column column{
      w == 0, w + 1 == words, p.border ? ~tail : 0, border & ~static_cast<std::uint32_t>(next_tail),
      flip,   border ^ flip};
  const auto read = [&](int y) {
    const bool inside = y >= 0 && y < static_cast<int>(p.height);
    return neighbours(column, inside ? p.src + at + static_cast<std::uint64_t>(y) * words : nullptr);
  };
  Neighbours rows[3] = {read(first - 1), read(first), {}};
#pragma unroll
  for (int i = 0; i < static_cast<int>(kMorphologyRows); ++i) {
    const int y = first + i;
    if (y >= static_cast<int>(p.height)) break;
    rows[(i + 2) % 3] = read(y + 1);
    std::uint32_t low = ~0u, high = ~0u;
#pragma unroll
    for (int point = 0; point < 9; ++point) {
      const std::uint32_t away = p.element >> point & 1 ? 0 : ~0u;
      const auto& pixels = rows[(i + point / 3) % 3].pixels[point % 3];
      low &= pixels[0] | away;
      high &= pixels[1] | away;
      if (use_zeros) {
        const std::uint32_t wanted = p.zeros >> point & 1 ? ~0u : 0;
        low &= ~(pixels[0] & wanted);
        high &= ~(pixels[1] & wanted);
      }
    }
    const std::uint64_t result = (std::uint64_t{high ^ flip} << 32 | (low ^ flip)) & tail;
    p.dst[at + static_cast<std::uint64_t>(y) * words] = result;
  }
}

}  // namespace

BINMORPH_DEVICE_KERNEL(morphology3x3_u64_u64__cuda_simt, Morphology3x3Params, (kBlock), morphology3x3<false>)
BINMORPH_DEVICE_KERNEL(hit_or_miss3x3_u64_u64__cuda_simt, Morphology3x3Params, (kBlock), morphology3x3<true>)

extern "C" __global__ void __launch_bounds__(kBlock) bitwise_u64_u64__cuda_simt(const BitwiseParams p) {
  take_turn();
  const std::uint64_t item = thread_item();
  if (item >= p.words) return;
  const std::uint64_t a = p.first[item], b = p.second[item];
  if (p.op == 4)
    p.dst[item] = a ^ ((a ^ b) & p.mask[item]);
  else
    p.dst[item] = p.op == 0 ? a & b : p.op == 1 ? a | b : p.op == 2 ? a ^ b : a & ~b;
}

extern "C" __global__ void __launch_bounds__(kBlock) differ_u64_u32__cuda_simt(const DifferParams p) {
  take_turn();
  const std::uint64_t item = thread_item();
  if (item < p.words && p.first[item] != p.second[item]) *p.flag = 1;
}

extern "C" __global__ void __launch_bounds__(kBlock) complement_u64_u64__cuda_simt(const ComplementParams p) {
  take_turn();
  const unsigned words = words_of(p.width);
  const std::uint64_t item = thread_item();
  if (item >= p.rows * words) return;
  p.dst[item] = ~p.src[item] & low_bits(p.width - static_cast<unsigned>(item % words) * 64);
}

}  // namespace binmorph::cuda
