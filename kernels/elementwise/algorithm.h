// A program over tiles of registers, written once over a float vector type V and compiled per ISA.
//
// A tile is one pixel x 64 channels, or, where fewer channels are left, several pixels x those: always the
// same number of registers, so that the cost of looking at a step is shared by as many values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/common/bits.h"
#include "kernels/common/unroll.h"
#include "kernels/elementwise/elementwise.h"

namespace binmorph::kernels {
namespace {

// Vectors of one pixel, of which some lanes may be past the last channel.
template <class V, int vectors>
struct Tail {
  typename V::Mask mask[vectors];
  std::uint64_t word;
  explicit Tail(std::size_t channels) : word(tail_mask(channels)) {
    for (std::size_t v = 0; v < vectors; ++v)
      mask[v] = V::first_lanes(channels > v * V::lanes ? channels - v * V::lanes : 0);
  }
  template <class T>
  typename V::Raw load(const T* p, int v) const {
    return V::load(p + v * V::lanes, mask[v]);
  }
  void store(float* p, int v, typename V::Raw value) const { V::store(p + v * V::lanes, value, mask[v]); }
};

template <class V>
struct Whole {
  static constexpr std::uint64_t word = ~std::uint64_t{0};
  template <class T>
  typename V::Raw load(const T* p, int v) const {
    return V::load(p + v * V::lanes);
  }
  void store(float* p, int v, typename V::Raw value) const { V::store(p + v * V::lanes, value); }
};

// The values of the groups that the channels of a block belong to.
struct GroupValues {
  float of[kElementwiseBlock];
  GroupValues(const std::int32_t* values, std::size_t group_channels, std::size_t first,
              std::size_t channels) {
    if (group_channels == channels) {
      for (float& v : of) v = static_cast<float>(*values);
      return;
    }
    for (std::size_t i = 0; i < kElementwiseBlock; ++i)
      of[i] = first + i < channels ? static_cast<float>(values[(first + i) / group_channels]) : 0.0f;
  }
};

template <class V, int pixels, int vectors, class Lanes, class T>
inline void run_tile(const ElementwiseProgram& program, std::size_t pixel, std::size_t first, const T* src,
                     std::size_t src_pitch, void* const* streams, const Lanes& lanes) {
  constexpr int count = pixels * vectors;
  const std::size_t channels = program.channels, at = pixel * channels + first;
  typename V::Raw v[count];
  repeat<count>(BINMORPH_UNROLL(n) { v[n] = lanes.load(src + n / vectors * src_pitch, n % vectors); });
  const ElementwiseStep* const end = program.steps + program.count;
  for (const ElementwiseStep* step = program.steps; step != end; ++step) {
    switch (step->op) {
      case ElementwiseOp::affine: {
        const float *scale = step->first + first, *shift = step->second + first;
        repeat<count>(BINMORPH_UNROLL(n) {
          v[n] = V::fma(v[n], lanes.load(scale, n % vectors), lanes.load(shift, n % vectors));
        });
        break;
      }
      case ElementwiseOp::two_value: {
        const float *scale = step->first + first, *low = step->second + first;
        const auto* values = static_cast<const std::int32_t*>(streams[step->stream]) + pixel * step->groups;
        repeat<pixels>(BINMORPH_UNROLL(i) {
          const GroupValues a(values + i * step->groups, channels / step->groups, first, channels);
          repeat<vectors>(BINMORPH_UNROLL(u) {
            const typename V::Raw second = V::mul(lanes.load(low, u), V::load(a.of + u * V::lanes));
            v[i * vectors + u] = V::fma(v[i * vectors + u], lanes.load(scale, u), second);
          });
        });
        break;
      }
      case ElementwiseOp::add: {
        const float* from = static_cast<const float*>(streams[step->stream]) + at;
        repeat<count>(BINMORPH_UNROLL(n) {
          v[n] = V::add(v[n], lanes.load(from + n / vectors * channels, n % vectors));
        });
        break;
      }
      case ElementwiseOp::prelu: {
        const float* slope = step->first + first;
        repeat<count>(BINMORPH_UNROLL(n) {
          v[n] = V::if_positive(v[n], v[n], V::mul(v[n], lanes.load(slope, n % vectors)));
        });
        break;
      }
      case ElementwiseOp::clamp: {
        const typename V::Raw low = V::fill(step->low), high = V::fill(step->high);
        repeat<count>(BINMORPH_UNROLL(n) { v[n] = V::smaller(high, V::larger(low, v[n])); });
        break;
      }
      case ElementwiseOp::store: {
        float* to = static_cast<float*>(streams[step->stream]) + at;
        repeat<count>(BINMORPH_UNROLL(n) { lanes.store(to + n / vectors * channels, n % vectors, v[n]); });
        break;
      }
      case ElementwiseOp::pack: {
        const float* values = step->first + first;
        const std::size_t words = words_for(channels);
        std::uint64_t* to = static_cast<std::uint64_t*>(streams[step->stream]) + pixel * words + first / 64;
        repeat<pixels>(BINMORPH_UNROLL(i) {
          std::uint64_t word = 0;
          repeat<vectors>(BINMORPH_UNROLL(u) {
            word |= V::at_least(v[i * vectors + u], lanes.load(values, u)) << (u * V::lanes);
          });
          to[i * words] = word & lanes.word;
        });
        break;
      }
    }
  }
}

// One block of channels of every pixel, `vectors` wide.
template <class V, int vectors, class Lanes, class T>
inline void run_block(const ElementwiseProgram& program, const ElementwiseRange& range, std::size_t first,
                      const T* src, std::size_t src_pitch, void* const* streams, const Lanes& lanes) {
  constexpr int pixels = kElementwiseBlock / V::lanes / vectors;
  std::size_t pixel = range.pixel_begin;
  for (; pixel + pixels <= range.pixel_end; pixel += pixels, src += pixels * src_pitch)
    run_tile<V, pixels, vectors>(program, pixel, first, src, src_pitch, streams, lanes);
  if constexpr (pixels > 1) {
    for (; pixel < range.pixel_end; ++pixel, src += src_pitch)
      run_tile<V, 1, vectors>(program, pixel, first, src, src_pitch, streams, lanes);
  }
}

template <class V, int vectors, class T>
inline void run_tail(const ElementwiseProgram& program, const ElementwiseRange& range, std::size_t first,
                     const T* src, std::size_t src_pitch, void* const* streams) {
  const std::size_t left = program.channels - first;
  if constexpr (vectors > 1) {
    if (left <= vectors / 2 * V::lanes)
      return run_tail<V, vectors / 2>(program, range, first, src, src_pitch, streams);
  }
  run_block<V, vectors>(program, range, first, src, src_pitch, streams, Tail<V, vectors>(left));
}

// Whole blocks go pixel by pixel, in the order of memory; several pixels share what a block's steps load.
template <class V, class T>
inline void run_elementwise(const ElementwiseProgram& program, const ElementwiseRange& range, const T* src,
                            std::size_t src_pitch, void* const* streams) {
  constexpr int vectors = kElementwiseBlock / V::lanes, together = V::lanes == 16 ? 4 : 1;
  const std::size_t whole = program.channels / kElementwiseBlock;
  const std::size_t end = range.block_end < whole ? range.block_end : whole;
  const T* from = src;
  std::size_t pixel = range.pixel_begin;
  const auto run_pixels = [&](auto pixels) {
    for (; pixel + pixels() <= range.pixel_end; pixel += pixels(), from += pixels() * src_pitch)
      for (std::size_t block = range.block_begin; block < end; ++block)
        run_tile<V, pixels(), vectors>(program, pixel, block * kElementwiseBlock,
                                       from + (block - range.block_begin) * kElementwiseBlock, src_pitch,
                                       streams, Whole<V>());
  };
  run_pixels(std::integral_constant<int, together>());
  run_pixels(std::integral_constant<int, 1>());
  if (range.block_end > whole)
    run_tail<V, vectors>(program, range, whole * kElementwiseBlock,
                         src + (whole - range.block_begin) * kElementwiseBlock, src_pitch, streams);
}

}  // namespace
}  // namespace binmorph::kernels
