// Boxes, and chains of 3x3 crosses, for the rate of memory: each row of the image is read once by warps that
// walk down it side by side. A lane holds one or two words of a row. What lies beside them it gets from its
// neighbours, so that the first and the last lane of a warp only lend their pixels. Strips of rows are walked
// in turns downwards and upwards: two that share rows read them at the same time.
//
// Lanes are numbered through all strips of rows, one lane behind each row's end that holds the border: it is
// the left neighbour of the next row's first word as well.
#include "kernels/common/cuda/device.cuh"
#include "kernels/morphology2d/cuda_morphology2d.h"

namespace binmorph::cuda {
namespace {

constexpr int kAhead = 2;  // rows that are on their way while one is worked on

template <int parts>
struct alignas(4 * parts) Pixels {
  std::uint32_t part[parts];
};

// Folds each pixel with those `left` and `right` beside it; both are less than 32.
template <int parts>
__device__ __forceinline__ Pixels<parts> spread(const Pixels<parts>& row, std::uint32_t left,
                                                std::uint32_t right) {
  const unsigned lane = threadIdx.x % 32;
  const std::uint32_t before = __shfl_sync(kWholeWarp, row.part[parts - 1], (lane + 31) % 32);
  const std::uint32_t after = __shfl_sync(kWholeWarp, row.part[0], (lane + 1) % 32);
  Pixels<parts> result;
#pragma unroll
  for (int i = 0; i < parts; ++i)
    result.part[i] = row.part[i] & __funnelshift_l(i == 0 ? before : row.part[i - 1], row.part[i], left) &
                     __funnelshift_r(row.part[i], i + 1 == parts ? after : row.part[i + 1], right);
  return result;
}

// 3x3: the last two rows wait in registers.
template <int parts, WalkShape shape>
class WalkRows {
 public:
  __device__ __forceinline__ void begin(Pixels<parts>*) { above_ = here_ = {}; }

  __device__ __forceinline__ Pixels<parts> push(const WalkStage&, const Pixels<parts>& row) {
    Pixels<parts> column;
#pragma unroll
    for (int i = 0; i < parts; ++i) {
      column.part[i] = above_.part[i] & row.part[i];
      if (shape == WalkShape::box3) column.part[i] &= here_.part[i];
    }
    above_ = here_;
    here_ = row;
    return column;
  }

  __device__ __forceinline__ Pixels<parts> fold(const WalkStage&, Pixels<parts> column) const {
    if (shape == WalkShape::box3) return spread(column, 1, 1);
    const Pixels<parts> middle = spread(above_, 1, 1);
#pragma unroll
    for (int i = 0; i < parts; ++i) column.part[i] &= middle.part[i];
    return column;
  }

 private:
  Pixels<parts> above_, here_;
};

// Rows come in blocks as high as the box. A window is the end of one block and the beginning of the next: the
// ring holds the folds of ends, in whose place the rows of the next block wait for theirs (van Herk, Pattern
// Recognition Letters 13, 1992; Gil and Werman, IEEE PAMI 15, 1993). It is the thread's own.
template <int parts>
class WalkRows<parts, WalkShape::box> {
 public:
  __device__ __forceinline__ void begin(Pixels<parts>* ring) {
    ring_ = ring;
    at_ = 0;
#pragma unroll
    for (int i = 0; i < parts; ++i) beginning_.part[i] = ~0u;
  }

  // The fold down columns of the last up + down + 1 rows.
  __device__ __forceinline__ Pixels<parts> push(const WalkStage& stage, Pixels<parts> row) {
    Pixels<parts> result;
#pragma unroll
    for (int i = 0; i < parts; ++i) result.part[i] = beginning_.part[i] &= row.part[i];
    if (at_ < stage.up + stage.down) {
      Pixels<parts>& slot = ring_[at_++ * kWalkBlock];
#pragma unroll
      for (int i = 0; i < parts; ++i) result.part[i] &= slot.part[i];
      slot = row;
      return result;
    }
#pragma unroll 4
    for (Pixels<parts>* slot = ring_ + at_ * kWalkBlock; slot != ring_;) {
      slot -= kWalkBlock;
      const Pixels<parts> next = *slot;
      *slot = row;
#pragma unroll
      for (int i = 0; i < parts; ++i) row.part[i] &= next.part[i];
    }
    begin(ring_);
    return result;
  }

  __device__ __forceinline__ Pixels<parts> fold(const WalkStage& stage, Pixels<parts> column) const {
#pragma unroll
    for (unsigned n = 0; n < kWalkSteps; ++n)
      if (n < stage.steps) column = spread(column, stage.left[n], stage.right[n]);
    return column;
  }

 private:
  Pixels<parts>* ring_;
  Pixels<parts> beginning_;
  unsigned at_;  // of the row to come in its block
};

// A dilation is the complement of the erosion of the complement. `was`: whether a row comes complemented.
template <int parts>
struct Settle {
  Pixels<parts> keep, fill;
  __device__ __forceinline__ Settle(const Pixels<parts>& inside, std::uint32_t was, const WalkStage& stage)
      : keep(inside) {
#pragma unroll
    for (int i = 0; i < parts; ++i)
      fill.part[i] = (keep.part[i] & (was ^ stage.flip)) | (~keep.part[i] & (stage.border ^ stage.flip));
  }
  __device__ __forceinline__ void operator()(Pixels<parts>& row) const {
#pragma unroll
    for (int i = 0; i < parts; ++i) row.part[i] = (row.part[i] & keep.part[i]) ^ fill.part[i];
  }
};

template <int parts, WalkShape shape, int stages>
__device__ __forceinline__ void walk(const MorphologyWalkParams& p) {
  take_turn();
  constexpr unsigned kWords = parts / 2;
  const unsigned words = words_of(p.width), across = words / kWords,
                 strips = (p.height + p.rows - 1) / p.rows;
  const unsigned lane = threadIdx.x % 32, warp = blockIdx.x * (kWalkBlock / 32) + threadIdx.x / 32;
  const unsigned item = warp * kWalkLanes + lane - 1, column = item % (across + 1);
  const unsigned strip = item / (across + 1);
  const bool exists = column < across && item < p.images * strips * (across + 1);
  const int first = static_cast<int>(strip % strips * p.rows), height = static_cast<int>(p.height);
  const int last = first + static_cast<int>(p.rows) < height ? first + static_cast<int>(p.rows) : height;
  const bool upwards = strip % strips % 2 != 0;
  const int step = upwards ? -1 : 1;
  const std::uint64_t at = std::uint64_t{strip / strips} * p.height * words + column * kWords;
  const std::uint32_t pitch = words * 8;
  Pixels<parts> keep;
#pragma unroll
  for (unsigned i = 0; i < parts; ++i) {
    const unsigned begin = column * 32 * parts + 32 * i;
    keep.part[i] = exists && begin < p.width ? static_cast<std::uint32_t>(low_bits(p.width - begin)) : 0;
  }

  WalkRows<parts, shape> stage[stages];
  auto* ring = reinterpret_cast<Pixels<parts>*>(shared_memory()) + threadIdx.x;
  int y = upwards ? first + static_cast<int>(p.rows) - 1 : first;  // the row to come
  unsigned count = p.rows;
#pragma unroll
  for (int s = 0; s < stages; ++s) {
    stage[s].begin(ring);
    ring += (p.stage[s].up + p.stage[s].down) * kWalkBlock;
    y += upwards ? static_cast<int>(p.stage[s].down) : -static_cast<int>(p.stage[s].up);
    count += p.stage[s].up + p.stage[s].down;
  }
  const auto read = [&](int from) {
    Pixels<parts> row;
#pragma unroll
    for (int i = 0; i < parts; ++i) row.part[i] = p.stage[0].border;
    if (exists && from >= 0 && from < height)
      row = *reinterpret_cast<const Pixels<parts>*>(reinterpret_cast<const char*>(p.src + at) +
                                                    std::uint64_t{static_cast<unsigned>(from)} * pitch);
    return row;
  };
  const auto go_on = [&](Pixels<parts> row, unsigned n, int to) {
    Settle<parts>(keep, 0, p.stage[0])(row);
    unsigned wanted = 0;  // rows that must have come
#pragma unroll
    for (int s = 0; s < stages; ++s) {
      const WalkStage& here = p.stage[s];
      row = stage[s].push(here, row);
      wanted += here.up + here.down;
      if (shape == WalkShape::box && n < wanted) return;
      row = stage[s].fold(here, row);
      to += upwards ? static_cast<int>(here.up) : -static_cast<int>(here.down);
      if (s + 1 == stages) break;
      const WalkStage& next = p.stage[s + 1 < stages ? s + 1 : s];
      if (to < 0 || to >= height)
#pragma unroll
        for (int i = 0; i < parts; ++i) row.part[i] = next.border ^ here.flip;
      Settle<parts>(keep, here.flip, next)(row);
    }
#pragma unroll
    for (int i = 0; i < parts; ++i) row.part[i] = (row.part[i] ^ p.stage[stages - 1].flip) & keep.part[i];
    if (exists && lane - 1 < kWalkLanes && to >= first && to < last)
      *reinterpret_cast<Pixels<parts>*>(reinterpret_cast<char*>(p.dst + at) +
                                        std::uint64_t{static_cast<unsigned>(to)} * pitch) = row;
  };
  Pixels<parts> ahead[kAhead];
#pragma unroll
  for (int k = 0; k < kAhead; ++k) ahead[k] = read(y + k * step);
  for (unsigned n = 0; n < count; n += kAhead)
#pragma unroll
    for (unsigned k = 0; k < kAhead; ++k, y += step) {
      const Pixels<parts> row = ahead[k];
      ahead[k] = read(y + kAhead * step);
      go_on(row, n + k, y);
    }
}

template <int parts, WalkShape shape>
__device__ __forceinline__ void walk(const MorphologyWalkParams& p) {
  if (p.stages == 1) return walk<parts, shape, 1>(p);
  if (p.stages == 2 || shape == WalkShape::box) return walk<parts, shape, 2>(p);
  walk<parts, shape, 4>(p);
}

template <int parts>
__device__ __forceinline__ void walk(const MorphologyWalkParams& p) {
  if (p.shape == WalkShape::box) return walk<parts, WalkShape::box>(p);
  if (p.shape == WalkShape::box3) return walk<parts, WalkShape::box3>(p);
  walk<parts, WalkShape::cross3>(p);
}

}  // namespace

BINMORPH_DEVICE_KERNEL(morphology_walk_u64_u64__cuda_simt, MorphologyWalkParams, (kWalkBlock), walk<2>)
BINMORPH_DEVICE_KERNEL(morphology_walk_wide_u64_u64__cuda_simt, MorphologyWalkParams, (kWalkBlock), walk<4>)

}  // namespace binmorph::cuda
