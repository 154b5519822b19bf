// Layer after layer in one thread block cluster, values in its shared memory: see cuda_chain.h.
#include "kernels/common/cuda/cluster.cuh"
#include "kernels/common/cuda/wgmma.cuh"
#include "kernels/threshold_conv2d/cuda_mma_chain.cuh"

#if BINMORPH_CLUSTER

namespace binmorph::cuda {
namespace {

// A team of a block. Behind the stages of all teams lie the tiles that the block made of the last layer and
// of this one, [tile][pixel], and the rows of its input.
class Cluster {
 public:
  static constexpr unsigned kStages = kClusterStages;

  __device__ __forceinline__ explicit Cluster(const ThresholdChainParams& p)
      : kept_(reinterpret_cast<std::uint64_t*>(shared_memory() + kClusterStageBytes)),
        kept_words_(p.kept_words),
        input_(kept_ + 2 * p.kept_words) {}

  static __device__ __forceinline__ unsigned thread() { return threadIdx.x % kThreads; }
  static __device__ __forceinline__ unsigned team() { return threadIdx.x / kThreads; }
  static __device__ __forceinline__ void sync() { sync_group(1 + team(), kThreads); }
  static __device__ __forceinline__ unsigned char* stages() {
    return shared_memory() + team() * (kStages * kChainStage);
  }

  template <int bytes>
  __device__ __forceinline__ void copy(std::uint64_t* to, const std::uint64_t*, std::int64_t from) const {
    struct alignas(bytes) Words {
      std::uint64_t word[bytes / 8];
    };
    *reinterpret_cast<Words*>(to) = *reinterpret_cast<const Words*>(input_ + (from - input_from_));
  }

  __device__ __forceinline__ void store(const ThresholdConv2dParams& p, std::uint32_t pixel,
                                        std::uint32_t sixteenth, unsigned bits) const {
    if (keeps_) {
      const std::uint32_t blocks = words_of(p.windows.geometry.out_channels);
      const std::uint32_t tile = pixel / kChainPixels * blocks + sixteenth / 4 - first_tile_;
      std::uint64_t* to = results_ + (tile * kChainPixels + pixel % kChainPixels);
      reinterpret_cast<std::uint16_t*>(to)[sixteenth % 4] = static_cast<std::uint16_t>(bits);
    }
    if (p.y != nullptr) WholeBlock::store(p, pixel, sixteenth, bits);
  }

  __device__ __forceinline__ Tiles tiles(const ConvGeometry& g) const {
    const Span mine = cluster_tiles(g, gridDim.x, blockIdx.x);
    return {mine.first + team(), mine.end, kClusterTeams};
  }

  __device__ __forceinline__ void meet(const ThresholdChainParams& p, std::uint32_t l) {
    const ConvGeometry& g = p.layer[l].windows.geometry;
    const Span mine = cluster_tiles(g, gridDim.x, blockIdx.x), rows = cluster_rows(g, mine);
    if (l == 0) {
      await_previous();
      take_input(p.layer[0].windows, rows);
    } else {
      sync_cluster();
      take_results(p.layer[l - 1].windows.geometry, {rows.first * g.width, rows.end * g.width}, kept(l - 1));
    }
    __syncthreads();
    input_from_ = static_cast<std::int64_t>(rows.first) * g.width * words_of(g.channels);
    first_tile_ = mine.first;
    results_ = kept(l);
    keeps_ = l + 1 < p.count;
  }

 private:
  // Two buffers: others read the layer before while this one is made.
  __device__ __forceinline__ std::uint64_t* kept(std::uint32_t l) const {
    return kept_ + l % 2 * kept_words_;
  }

  __device__ __forceinline__ void take_input(const BitWindows& w, const Span& rows) const {
    const std::uint64_t pitch = std::uint64_t{w.geometry.width} * words_of(w.geometry.channels);
    const std::uint64_t* from = w.x + rows.first * pitch;
    for (std::uint64_t i = threadIdx.x; i < (rows.end - rows.first) * pitch; i += kClusterBlock)
      input_[i] = from[i];
  }

  // Tiles of the layer before, from whoever made them: a warp takes a tile at a time. `kept`: where they lie.
  __device__ __forceinline__ void take_results(const ConvGeometry& g, const Span& pixels,
                                               const std::uint64_t* kept) const {
    if (pixels.first == pixels.end) return;
    const std::uint32_t words = words_of(g.out_channels), share = cluster_share(g, gridDim.x);
    const std::uint32_t end = ((pixels.end - 1) / kChainPixels + 1) * words;
    const std::uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    for (std::uint32_t tile = pixels.first / kChainPixels * words + warp; tile < end;
         tile += kClusterBlock / 32) {
      const std::uint64_t* from = kept + tile % share * kChainPixels;
#pragma unroll
      for (std::uint32_t i = 0; i < kChainPixels; i += 32) {
        const std::uint32_t pixel = tile / words * kChainPixels + i + lane;
        if (pixel >= pixels.first && pixel < pixels.end)
          input_[(pixel - pixels.first) * words + tile % words] =
              load_shared_of(tile / share, from + i + lane);
      }
    }
  }

  std::uint64_t* kept_;
  std::uint32_t kept_words_;
  std::uint64_t *input_, *results_;
  std::int64_t input_from_;
  std::uint32_t first_tile_;
  bool keeps_;
};

}  // namespace

extern "C" __global__ void __launch_bounds__(kClusterBlock, 1)
    threshold_chain_u64_u64__cuda_cluster(const ThresholdChainParams p) {
  start_next();
  Cluster at(p);
  run_chain(p, at);
  sync_cluster();  // nobody leaves while others read what he keeps
}

}  // namespace binmorph::cuda

#endif
