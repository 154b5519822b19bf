// The chunks of windows that the kernels for mma.sync multiply, in shared memory.
#pragma once

#include "kernels/common/cuda/window.cuh"
#include "kernels/threshold_conv2d/cuda_threshold_conv2d.h"

namespace binmorph::cuda {
namespace {

constexpr unsigned kThreads = kMmaBlock, kWarps = kThreads / 32;
constexpr int kColumnTiles = 8;  // of a warp

// One chunk in shared memory. Lanes read rows and columns as words that lie side by side: no bank conflicts.
template <unsigned pixels>
struct Stage {
  std::uint64_t rows[pixels][4];
  std::uint64_t plus[kColumnTiles][32];
  std::uint64_t minus[kColumnTiles][32];
};
static_assert(sizeof(Stage<kMmaPixels>) * kMmaStages == kMmaShared, "the launch shape knows the size");

__device__ __forceinline__ std::uint32_t chunks_of(const ConvGeometry& g) {
  return (taps(g) * tap_words(g) + 3) / 4;
}

// Who makes a tile, and where its pixels come from: all threads of a block, from global memory.
struct WholeBlock {
  static constexpr unsigned kStages = kMmaStages;
  static __device__ __forceinline__ unsigned thread() { return threadIdx.x; }
  static __device__ __forceinline__ void sync() { __syncthreads(); }
  static __device__ __forceinline__ unsigned char* stages() { return shared_memory(); }
  // From word `from` of the input on.
  template <int bytes>
  static __device__ __forceinline__ void copy(std::uint64_t* to, const std::uint64_t* x, std::int64_t from) {
    copy_async<bytes>(to, x + from);
  }
  // Outputs 16 `sixteenth` .. of a pixel.
  static __device__ __forceinline__ void store(const ThresholdConv2dParams& p, std::uint32_t pixel,
                                               std::uint32_t sixteenth, unsigned bits) {
    const std::uint64_t to = std::uint64_t{pixel} * words_of(p.windows.geometry.out_channels) * 4 + sixteenth;
    reinterpret_cast<std::uint16_t*>(p.y)[to] = static_cast<std::uint16_t>(bits);
  }
};

// The weights of a block of 64 outputs, fetched chunk after chunk. They are there before the input is: the
// first stages are filled with them by start().
template <class Place, unsigned pixels>
class Weights {
 public:
  __device__ __forceinline__ void start(const Place& at, const BitWindows& w, std::uint32_t block) {
    const unsigned chunks = chunks_of(w.geometry);
    const std::uint64_t from = std::uint64_t{block} * chunks * kColumnTiles * 32 + at.thread() * 2;
    plus_ = w.plus + from;
    minus_ = w.form == kernels::ConvForm::ternary ? w.minus + from : nullptr;
    auto* stages = reinterpret_cast<Stage<pixels>*>(at.stages());
#pragma unroll 1
    for (unsigned q = 0; q + 1 < Place::kStages && q < chunks; ++q) fetch(at, stages[q]);
  }

  __device__ __forceinline__ void fetch(const Place& at, Stage<pixels>& stage) {
    copy_async<16>(&stage.plus[0][0] + at.thread() * 2, plus_);
    plus_ += kColumnTiles * 32;
    if (minus_ == nullptr) return;
    copy_async<16>(&stage.minus[0][0] + at.thread() * 2, minus_);
    minus_ += kColumnTiles * 32;
  }

 private:
  const std::uint64_t *plus_, *minus_;
};

// Fetches the chunks of pixels in order. A thread has the same `width` words of every chunk (two where taps
// have an even number of them), for kCopies of the pixels from `first` on. What a tap costs is kept small: a
// bounds check and an addition.
template <class Place, unsigned width, unsigned pixels>
class Feeder {
 public:
  __device__ __forceinline__ Feeder(const Place& at, const BitWindows& w, std::uint32_t first,
                                    std::uint32_t block)
      : at_(at), w_(w) {
    const ConvGeometry& g = w.geometry;
    const std::uint32_t group = block * 64 / (g.out_channels / g.groups);
    const std::int64_t words = words_of(g.channels), begin = (g.groups == 1 ? 0 : group) * tap_words(g);
#pragma unroll
    for (unsigned k = 0; k < kCopies; ++k) {
      // Pixels past the last one repeat it; their results go nowhere.
      const std::uint32_t pixel = first + row(k), last = out_pixels(g) - 1;
      const Window window = window_of(g, pixel < last ? pixel : last);
      y_[k] = window.y;
      x_[k] = window.x;
      image_[k] = static_cast<std::int64_t>(window.image) * g.height * g.width * words + begin;
    }
    word_ = at.thread() % kParts * width;
    settle();
  }

  __device__ __forceinline__ void fetch(Stage<pixels>& stage) {
    const ConvGeometry& g = w_.geometry;
    const bool replicate = g.border == kernels::Border::replicate && !past_;
    const std::int64_t words = words_of(g.channels);
#pragma unroll
    for (unsigned k = 0; k < kCopies; ++k) {
      std::uint64_t* to = &stage.rows[row(k)][at_.thread() % kParts * width];
      std::int32_t y = y_[k] + dy_, x = x_[k] + dx_;
      if (replicate) {
        y = clamp_to(y, g.height);
        x = clamp_to(x, g.width);
      }
      const bool inside = static_cast<std::uint32_t>(y) < g.height && static_cast<std::uint32_t>(x) < g.width;
      if (inside) {
        const std::int64_t at = (y * static_cast<std::int64_t>(g.width) + x) * words;
        at_.template copy<8 * width>(to, w_.x, image_[k] + at + word_);
      } else {
#pragma unroll
        for (unsigned i = 0; i < width; ++i) to[i] = outside_[i];
      }
    }
    word_ += 4;
    settle();
  }

 private:
  static constexpr unsigned kParts = 4 / width;
  static constexpr unsigned kCopies = pixels * kParts / kThreads;

  __device__ __forceinline__ unsigned row(unsigned k) const {
    return at_.thread() / kParts + k * (kThreads / kParts);
  }

  // Word `word_` of tap (i_, j_), carried into the taps. The last chunk's words past the window are outside.
  __device__ __forceinline__ void settle() {
    const ConvGeometry& g = w_.geometry;
    const unsigned words = tap_words(g);
    for (; word_ >= words; word_ -= words) {
      if (++j_ < g.kernel_w) continue;
      j_ = 0;
      ++i_;
    }
    past_ = i_ >= g.kernel_h;
    dy_ = past_ ? INT32_MIN / 2 : static_cast<std::int32_t>(i_ * g.dilation_h);
    dx_ = static_cast<std::int32_t>(j_ * g.dilation_w);
    const bool ones = g.border == kernels::Border::ones && !past_;
#pragma unroll
    for (unsigned i = 0; i < width; ++i)
      outside_[i] = ones ? low_bits(group_channels(g) - (word_ + i) * 64) : 0;
  }

  const Place& at_;
  const BitWindows& w_;
  std::int64_t image_[kCopies];
  std::int32_t y_[kCopies], x_[kCopies], dy_, dx_;
  std::uint64_t outside_[width];
  unsigned word_, i_ = 0, j_ = 0;
  bool past_;
};

}  // namespace
}  // namespace binmorph::cuda
