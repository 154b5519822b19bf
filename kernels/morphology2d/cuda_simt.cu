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

// 64 pixels of a row, and those one to their left and to their right.
struct Neighbours {
  std::uint64_t pixels[3];
};

__device__ __forceinline__ Neighbours neighbours(const Row& row, int w, std::uint64_t flip) {
  const std::uint64_t left = row.word(w - 1) ^ flip, middle = row.word(w) ^ flip,
                      right = row.word(w + 1) ^ flip;
  return {{middle << 1 | left >> 63, middle, middle >> 1 | right << 63}};
}

}  // namespace

// Goes down kMorphologyRows rows and keeps the last three, so that each row is read once. A dilation is the
// complement of the erosion of the complement; a point that is not in the element is ORed away.
extern "C" __global__ void __launch_bounds__(kBlock)
    morphology3x3_u64_u64__cuda_simt(const Morphology3x3Params p) {
  const unsigned words = words_of(p.width), blocks = (p.height + kMorphologyRows - 1) / kMorphologyRows;
  const std::uint64_t item = thread_item();
  if (item >= static_cast<std::uint64_t>(p.images) * blocks * words) return;
  const int w = static_cast<int>(item % words);
  const int first = static_cast<int>(item / words % blocks * kMorphologyRows);
  const std::uint64_t at = item / words / blocks * p.height * words;
  const std::uint64_t flip = p.dilate ? ~std::uint64_t{0} : 0, border = p.border ? ~std::uint64_t{0} : 0;
  const std::uint64_t tail = low_bits(p.width - static_cast<unsigned>(w) * 64);
  const auto read = [&](int y) {
    const bool inside = y >= 0 && y < static_cast<int>(p.height);
    const Row row{inside ? p.src + at + static_cast<std::uint64_t>(y) * words : nullptr, p.width, border};
    return neighbours(row, w, flip);
  };
  Neighbours rows[3] = {read(first - 1), read(first), {}};
#pragma unroll
  for (int i = 0; i < static_cast<int>(kMorphologyRows); ++i) {
    const int y = first + i;
    if (y >= static_cast<int>(p.height)) break;
    rows[(i + 2) % 3] = read(y + 1);
    std::uint64_t result = ~std::uint64_t{0};
#pragma unroll
    for (int point = 0; point < 9; ++point) {
      const std::uint64_t away = p.element >> point & 1 ? 0 : ~std::uint64_t{0};
      result &= rows[(i + point / 3) % 3].pixels[point % 3] | away;
    }
    p.dst[at + static_cast<std::uint64_t>(y) * words + static_cast<unsigned>(w)] = (result ^ flip) & tail;
  }
}

extern "C" __global__ void __launch_bounds__(kBlock) bitwise_u64_u64__cuda_simt(const BitwiseParams p) {
  const std::uint64_t item = thread_item();
  if (item >= p.words) return;
  const std::uint64_t a = p.first[item], b = p.second[item];
  p.dst[item] = p.op == 0 ? a & b : p.op == 1 ? a | b : p.op == 2 ? a ^ b : a & ~b;
}

extern "C" __global__ void __launch_bounds__(kBlock) complement_u64_u64__cuda_simt(const ComplementParams p) {
  const unsigned words = words_of(p.width);
  const std::uint64_t item = thread_item();
  if (item >= p.rows * words) return;
  p.dst[item] = ~p.src[item] & low_bits(p.width - static_cast<unsigned>(item % words) * 64);
}

}  // namespace binmorph::cuda
