// Convolutions and fully connected layers by warpgroup products: see cuda_tiles.h for the layout. One
// warpgroup brings pixels, two take turns with the tensor core: while one multiplies, the other compares and
// packs. Weights and thresholds of a block of outputs are copied to shared memory once.
#include <type_traits>

#include "kernels/threshold_conv2d/cuda_tiles.cuh"
#include "kernels/threshold_conv2d/cuda_tiles_finish.cuh"

#if BINMORPH_WGMMA

namespace binmorph::cuda {
namespace {

constexpr unsigned kLag = 2;  // tiles that are under way before the first is awaited
constexpr unsigned kGroupWarps = kWarpgroup / 32;
constexpr int kFewRegisters = 56, kManyRegisters = 224;  // 65536 = 128 x (56 + 2 x 224) and some

// Shared memory, and the tiles of a block.
struct Place {
  Barrier *weights_here, *full, *empty, *turn;
  unsigned char *packed, *pixels, *scratch;
  std::uint32_t tiles;

  __device__ __forceinline__ Place(const BitWindows& w, const TilePlan& t) {
    auto* shared = shared_memory();
    weights_here = reinterpret_cast<Barrier*>(shared);
    full = weights_here + 1;
    empty = full + kTileStages;
    turn = empty + kTileStages;
    packed = shared + 128;
    pixels = packed + t.block_bytes;
    scratch = pixels + kTileStages * t.pixel_bytes;
    tiles = (w.geometry.images * t.image_rows * t.row_slots + t.rows - 1) / t.rows;
  }
};

__device__ __forceinline__ void prepare(const Place& at) {
  if (threadIdx.x == 0) {
    barrier_init(at.weights_here, 1);
    for (unsigned s = 0; s < kTileStages; ++s) {
      barrier_init(at.full + s, kGroupWarps);
      barrier_init(at.empty + s, kGroupWarps);
    }
    barrier_init(at.turn, kGroupWarps);
    barrier_init(at.turn + 1, kGroupWarps);
    barrier_init_fence();
  }
  __syncthreads();
}

// Tile n of the block goes to stage n % kTileStages; parts: t.parts. What is written must be complete and
// fenced before the other proxy, in which products read, is told.
template <unsigned parts>
__device__ __forceinline__ void fetch_tiles(const BitWindows& w, const TilePlan& t, const Place& at) {
  const unsigned lane = threadIdx.x % 32;
  const auto publish = [&](unsigned n) {
    fence_proxy();
    __syncwarp();
    if (lane == 0) barrier_arrive(at.full + n % kTileStages);
  };
  const Gatherer gatherer(w, t);
  Walk walk(t, blockIdx.x, gridDim.x);
  unsigned n = 0;
  for (std::uint32_t tile = blockIdx.x; tile < at.tiles; tile += gridDim.x, ++n) {
    barrier_wait(at.empty + n % kTileStages, (n / kTileStages & 1) ^ 1);
    gatherer.fetch<parts>(at.pixels + n % kTileStages * t.pixel_bytes, walk.next(t));
    copy_async_commit();
    if (n >= kLag) {
      copy_async_wait<kLag>();
      publish(n - kLag);
    }
  }
  copy_async_wait<0>();
  for (unsigned last = n < kLag ? 0 : n - kLag; last < n; ++last) publish(last);
}

__device__ __forceinline__ void produce(const BitWindows& w, const TilePlan& t, const unsigned char* packed,
                                        const Place& at) {
  if (threadIdx.x == 0) {
    barrier_expect(at.weights_here, t.block_bytes);
    copy_bulk(at.packed, packed + std::uint64_t{blockIdx.y} * t.block_bytes, t.block_bytes, at.weights_here);
  }
  await_previous();  // weights do not come from other kernels
  if (t.parts == 4)
    fetch_tiles<4>(w, t, at);
  else if (t.parts == 2)
    fetch_tiles<2>(w, t, at);
  else
    fetch_tiles<1>(w, t, at);
}

// Popcounts of AND of `row_tiles` x 64 pixels with all columns; the results are there after wgmma_wait.
template <int columns, int row_tiles>
__device__ __forceinline__ void multiply(int (&sum)[row_tiles][columns / 2], const TilePlan& t,
                                         const unsigned char* pixels, const unsigned char* weights) {
  const std::uint64_t a = matrix_at(shared_address(pixels), 0, 128, Swizzle::none);
  std::uint64_t b = matrix_at(shared_address(weights), columns * 16, 128, Swizzle::none);
  wgmma_fence();
#pragma unroll
  for (int m = 0; m < row_tiles; ++m) wgmma<columns>(sum[m], moved(a, t.step[0] + m * 64), b, false);
#pragma unroll 1
  for (std::uint32_t k = 1; k < t.steps; ++k) {
    b = moved(b, columns * 2);
#pragma unroll
    for (int m = 0; m < row_tiles; ++m) wgmma<columns>(sum[m], moved(a, t.step[k] + m * 64), b, true);
  }
  wgmma_commit();
}

// Rows of the tile, one thread each or two, while the products are under way. Popcounts of pixels first, then
// their sums over windows. outputs: of a row of thresholds, 0 where the result is numbers.
template <bool use_ones, int outputs>
__device__ __forceinline__ void describe_rows(const BitWindows& w, const TilePlan& t, const Position& first,
                                              const unsigned char* pixels, std::uint16_t* ones,
                                              TileRow* rows) {
  const unsigned thread = threadIdx.x % kWarpgroup, group = threadIdx.x / kWarpgroup;
  if (use_ones) {
    if (t.parts == 4)
      count_ones<4>(t, pixels, ones);
    else if (t.parts == 2)
      count_ones<2>(t, pixels, ones);
    else
      count_ones<1>(t, pixels, ones);
  }
  sync_group(group, kWarpgroup);  // everybody has done with the rows of the last tile, too
  for (std::uint32_t r = thread; r < t.rows; r += kWarpgroup) {
    std::int32_t sum = 0;
    if (use_ones) {
      auto place = static_cast<std::uint32_t>(reinterpret_cast<unsigned char*>(ones + r) - shared_memory());
      opaque(place);  // else every tap is an index
      const auto add = [&](std::uint32_t tap) {
        sum += *reinterpret_cast<const std::uint16_t*>(shared_memory() + place + t.tap[tap]);
      };
      if (t.taps == 9) {  // most are: the places of known taps are known
#pragma unroll
        for (std::uint32_t tap = 0; tap < 9; ++tap) add(tap);
      } else {
#pragma unroll 1
        for (std::uint32_t tap = 0; tap < t.taps; ++tap) add(tap);
      }
    }
    TileRow row = tile_row(w, further(t, first, r), sum);
    if (outputs != 0) row.prepare<use_ones>(outputs);
    rows[r] = row;
  }
  sync_group(group, kWarpgroup);
}

template <int columns, int row_tiles, bool use_ones, bool ternary, class Params>
__device__ __forceinline__ void consume(const Tiled<Params>& p, const Place& at) {
  constexpr bool kBits = std::is_same_v<Params, ThresholdConv2dParams>;
  constexpr int kOutputs = ternary ? columns / 2 : columns;
  const TilePlan& t = p.tile;
  const unsigned group = threadIdx.x / kWarpgroup - 1, lane = threadIdx.x % 32;
  // Of each group: popcounts of pixels, rows, room for numbers.
  auto* rows = reinterpret_cast<TileRow*>(at.scratch) + group * t.rows;
  const unsigned ones_bytes = (t.planes * t.pitch * 2 + 15) / 16 * 16;
  unsigned char* after_rows = at.scratch + 2 * t.rows * sizeof(TileRow);
  auto* ones = reinterpret_cast<std::uint16_t*>(after_rows + group * ones_bytes);
  unsigned char* room = after_rows + 2 * ones_bytes + group * kGroupWarps * 8 * (columns + 1) * 4;
  const TileEnd<columns, ternary, Params> end(p.conv, blockIdx.y * kOutputs, rows,
                                              kBits ? at.packed + t.steps * columns * 32 : room);
  Walk walk(t, blockIdx.x + group * gridDim.x, 2 * gridDim.x);
  barrier_wait(at.weights_here, 0);
  unsigned n = group;
  for (std::uint32_t tile = blockIdx.x + group * gridDim.x; tile < at.tiles; tile += 2 * gridDim.x, n += 2) {
    const unsigned stage = n % kTileStages;
    const unsigned char* pixels = at.pixels + stage * t.pixel_bytes;
    int sum[row_tiles][columns / 2];
    barrier_wait(at.full + stage, n / kTileStages & 1);
    barrier_wait(at.turn + group, (n / 2 & 1) ^ (group == 0 ? 1 : 0));
    multiply<columns, row_tiles>(sum, t, pixels, at.packed);
    if (lane == 0) barrier_arrive(at.turn + (group ^ 1));
    describe_rows<use_ones, kBits ? kOutputs : 0>(p.conv.windows, t, walk.next(t), pixels, ones, rows);
    wgmma_wait<0>();
    settle(sum);
    __syncwarp();
    if (lane == 0) barrier_arrive(at.empty + stage);
    end.finish(sum);
  }
}

template <int columns, int row_tiles, bool always_ones, class Params>
__device__ __forceinline__ void consume_form(const Tiled<Params>& p, const Place& at) {
  const kernels::ConvForm form = p.conv.windows.form;
  if (always_ones || form == kernels::ConvForm::sign) {
    consume<columns, row_tiles, true, false>(p, at);
  } else if (columns == 64 || form == kernels::ConvForm::mask) {
    consume<columns, row_tiles, false, false>(p, at);
  } else if constexpr (columns > 64) {
    consume<columns, row_tiles, false, true>(p, at);
  }
}

template <int columns, bool always_ones, class Params>
__device__ __forceinline__ void run_warpgroups(const Tiled<Params>& p) {
  const BitWindows& w = p.conv.windows;
  const Place at(w, p.tile);
  start_next();
  prepare(at);
  if (threadIdx.x < kWarpgroup) {
    give_registers<kFewRegisters>();
    produce(w, p.tile, p.packed, at);
    return;
  }
  take_registers<kManyRegisters>();
  await_previous();
  if constexpr (columns > 64) {
    consume_form<columns, 1, always_ones>(p, at);
  } else if (p.tile.rows == kLongTile) {
    consume_form<columns, 4, always_ones>(p, at);
  } else {
    consume_form<columns, 2, always_ones>(p, at);
  }
}

}  // namespace

BINMORPH_DEVICE_KERNEL(threshold_conv2d_u64_u64__cuda_wgmma_n64, ThresholdTilesParams, (kTileThreads, 1),
                       run_warpgroups<64, false>)
BINMORPH_DEVICE_KERNEL(threshold_conv2d_u64_u64__cuda_wgmma_n128, ThresholdTilesParams, (kTileThreads, 1),
                       run_warpgroups<128, false>)
BINMORPH_DEVICE_KERNEL(threshold_conv2d_u64_u64__cuda_wgmma_n256, ThresholdTilesParams, (kTileThreads, 1),
                       run_warpgroups<256, false>)
BINMORPH_DEVICE_KERNEL(count_conv2d_u64_i32__cuda_wgmma, CountTilesParams, (kTileThreads, 1),
                       run_warpgroups<128, false>)
BINMORPH_DEVICE_KERNEL(two_value_conv2d_u64_f32__cuda_wgmma, TwoValueTilesParams, (kTileThreads, 1),
                       run_warpgroups<128, true>)

}  // namespace binmorph::cuda

#endif
