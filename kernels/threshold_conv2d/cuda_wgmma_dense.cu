// Matrix products of bits by warpgroups: see cuda_dense.h for the layout. A warpgroup brings slices of inputs
// and asks for those of weights; two multiply 64 rows each with the same weights, one slice behind the next.
#include <type_traits>

#include "kernels/threshold_conv2d/cuda_dense.h"
#include "kernels/threshold_conv2d/cuda_tiles_finish.cuh"

#if BINMORPH_WGMMA

namespace binmorph::cuda {
namespace {

template <class Params>
struct DensePlace {
  static constexpr unsigned kStages = kDenseStages<Params>;
  unsigned char *rows, *columns, *room;  // of stage 0
  TileRow* row;
  Barrier *full, *empty;

  __device__ __forceinline__ DensePlace() {
    unsigned char* shared = shared_memory();
    shared += (0u - shared_address(shared)) % 1024;  // a swizzle repeats after 1024 bytes
    rows = shared;
    columns = rows + kStages * kRowsBytes;
    row = reinterpret_cast<TileRow*>(columns + kStages * kColumnsBytes);
    full = reinterpret_cast<Barrier*>(row + kDenseRows);
    empty = full + kStages;
    room = reinterpret_cast<unsigned char*>(full) + 128;
  }
};

// Tiles that run at the same time should share rows and columns: they go down bands of eight tiles of rows.
struct DenseTile {
  std::uint32_t row, block;
  __device__ __forceinline__ DenseTile(std::uint32_t tile, std::uint32_t down, std::uint32_t blocks) {
    constexpr std::uint32_t kBand = 8;
    const std::uint32_t band = tile / (kBand * blocks), in_band = tile % (kBand * blocks);
    const std::uint32_t left = down - band * kBand, height = left < kBand ? left : kBand;
    row = (band * kBand + in_band % height) * kDenseRows;
    block = in_band / height;
  }
};

// 16 bytes of every 16th row of a slice, one thread. Past the last word there are zeros; rows past the last
// one repeat it, and go nowhere.
__device__ __forceinline__ void fetch_rows(const BitWindows& w, std::uint32_t first, std::uint32_t slice,
                                           unsigned char* to) {
  const std::uint32_t thread = threadIdx.x % kWarpgroup, chunk = thread % 8,
                      last = out_pixels(w.geometry) - 1;
  const std::uint32_t words = words_of(w.geometry.channels), word = slice * kSliceWords + chunk * 2;
  to += thread / 8 * 128 + (chunk ^ thread / 8 % 8) * 16;
#pragma unroll 4
  for (std::uint32_t row = first + thread / 8; row < first + kDenseRows + thread / 8;
       row += 16, to += 16 * 128) {
    if (word < words)
      copy_async<16>(to, w.x + std::uint64_t{row < last ? row : last} * words + word);
    else
      *reinterpret_cast<Table4*>(to) = Table4{};
  }
}

template <class Params>
__device__ __forceinline__ void feed(const Dense<Params>& p, const DensePlace<Params>& at,
                                     std::uint32_t tiles, std::uint32_t down) {
  constexpr unsigned kStages = DensePlace<Params>::kStages, kLag = kStages - 2;
  const auto publish = [&](unsigned n) {
    fence_proxy();
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(at.full + n % kStages);
  };
  unsigned n = 0;
  for (std::uint32_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const DenseTile place(tile, down, p.plan.blocks);
    const unsigned char* weights = p.packed + std::uint64_t{place.block} * p.plan.slices * kColumnsBytes;
    for (std::uint32_t slice = 0; slice < p.plan.slices; ++slice, ++n) {
      const unsigned stage = n % kStages;
      barrier_wait(at.empty + stage, (n / kStages & 1) ^ 1);
      if (threadIdx.x == 0) {
        barrier_expect(at.full + stage, kColumnsBytes);
        copy_bulk(at.columns + stage * kColumnsBytes, weights + std::uint64_t{slice} * kColumnsBytes,
                  kColumnsBytes, at.full + stage);
      }
      fetch_rows(p.conv.windows, place.row, slice, at.rows + stage * kRowsBytes);
      copy_async_commit();
      if (n < kLag) continue;
      copy_async_wait<static_cast<int>(kLag)>();
      publish(n - kLag);
    }
  }
  copy_async_wait<0>();
  for (unsigned last = n < kLag ? 0 : n - kLag; last < n; ++last) publish(last);
}

// Ones in half a row of a slice; neighbouring rows read different banks.
__device__ __forceinline__ int half_row_ones(const unsigned char* rows) {
  const unsigned thread = threadIdx.x % kWarpgroup, row = thread / 2;
  int ones = 0;
#pragma unroll
  for (unsigned j = 0; j < 4; ++j) {
    const Table4 chunk =
        *reinterpret_cast<const Table4*>(rows + row * 128 + (thread % 2 * 4 + (j + row) % 4) * 16);
    ones += __popc(chunk.pair[0]) + __popc(chunk.pair[1]) + __popc(chunk.pair[2]) + __popc(chunk.pair[3]);
  }
  return ones;
}

template <bool use_ones, bool ternary, class Params>
__device__ __forceinline__ void multiply_slices(const Dense<Params>& p, const DensePlace<Params>& at,
                                                std::uint32_t tiles, std::uint32_t down) {
  constexpr bool kBits = std::is_same_v<Params, ThresholdConv2dParams>;
  constexpr unsigned kStages = DensePlace<Params>::kStages;
  constexpr std::uint32_t kOutputs = ternary ? kDenseColumns / 2 : kDenseColumns;
  const unsigned group = threadIdx.x / kWarpgroup - 1, thread = threadIdx.x % kWarpgroup;
  TileRow* rows = at.row + group * 64;
  const unsigned char* tables = p.packed + std::uint64_t{p.plan.blocks} * p.plan.slices * kColumnsBytes;
  unsigned n = 0;
  for (std::uint32_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const DenseTile place(tile, down, p.plan.blocks);
    int sum[1][kDenseColumns / 2], ones = 0;
    for (std::uint32_t slice = 0; slice < p.plan.slices; ++slice, ++n) {
      const unsigned stage = n % kStages;
      const unsigned char* mine = at.rows + stage * kRowsBytes + group * 64 * 128;
      barrier_wait(at.full + stage, n / kStages & 1);
      const std::uint64_t a = matrix_at(shared_address(mine), 16, 1024, Swizzle::bytes128);
      const std::uint64_t b =
          matrix_at(shared_address(at.columns + stage * kColumnsBytes), 16, 1024, Swizzle::bytes128);
      wgmma_fence();
#pragma unroll
      for (unsigned k = 0; k < 4; ++k)
        wgmma<kDenseColumns>(sum[0], a + k * 2, b + k * 2, slice != 0 || k != 0);
      wgmma_commit();
      if (use_ones) ones += half_row_ones(mine);
      if (slice == 0) continue;
      wgmma_wait<1>();
      __syncwarp();
      if (thread % 32 == 0) barrier_arrive(at.empty + (n - 1) % kStages);
    }
    wgmma_wait<0>();
    settle(sum);
    __syncwarp();
    if (thread % 32 == 0) barrier_arrive(at.empty + (n - 1) % kStages);
    if (use_ones) ones += __shfl_xor_sync(kWholeWarp, ones, 1);
    const std::uint32_t pixel = place.row + group * 64 + thread / 2;
    TileRow row{pixel < out_pixels(p.conv.windows.geometry) ? pixel : kNoPixel, 0, ones, 0};
    if (kBits) row.template prepare<use_ones>(kOutputs);
    sync_group(group + 1, kWarpgroup);  // everybody has done with the rows of the last tile
    if (thread % 2 == 0) rows[thread / 2] = row;
    sync_group(group + 1, kWarpgroup);
    using End = TileEnd<kDenseColumns, ternary, Params>;
    if constexpr (kBits)
      End(p.conv, place.block * kOutputs, rows, tables + place.block * kOutputs * (use_ones ? 4 : 2))
          .finish(sum);
    else
      End(p.conv, place.block * kOutputs, rows, at.room + group * (kDenseRoom / 2)).finish(sum);
  }
}

template <class Params>
__device__ __forceinline__ void run_dense(const Dense<Params>& p) {
  const DensePlace<Params> at;
  start_next();
  if (threadIdx.x == 0) {
    for (unsigned s = 0; s < at.kStages; ++s) {
      barrier_init(at.full + s, kWarpgroup / 32 + 1);
      barrier_init(at.empty + s, 2 * kWarpgroup / 32);
    }
    barrier_init_fence();
  }
  __syncthreads();
  await_previous();
  const std::uint32_t down = (out_pixels(p.conv.windows.geometry) + kDenseRows - 1) / kDenseRows;
  const std::uint32_t tiles = down * p.plan.blocks;
  if (threadIdx.x < kWarpgroup) {
    give_registers<56>();
    return feed(p, at, tiles, down);
  }
  take_registers<224>();
  const kernels::ConvForm form = p.conv.windows.form;
  if (form == kernels::ConvForm::sign)
    multiply_slices<true, false>(p, at, tiles, down);
  else if (form == kernels::ConvForm::mask)
    multiply_slices<false, false>(p, at, tiles, down);
  else
    multiply_slices<false, true>(p, at, tiles, down);
}

}  // namespace

BINMORPH_DEVICE_KERNEL(threshold_dense_u64_u64__cuda_wgmma, ThresholdDenseParams, (kDenseThreads, 1),
                       run_dense)
BINMORPH_DEVICE_KERNEL(count_dense_u64_i32__cuda_wgmma, CountDenseParams, (kDenseThreads, 1), run_dense)

}  // namespace binmorph::cuda

#endif
