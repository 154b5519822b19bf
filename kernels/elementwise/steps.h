// The steps of a program on a block of channels, over a float vector type V. What a step needs of its tables
// is loaded when it is made, and serves all pixels that it is applied to.
#pragma once

#include <cstddef>
#include <cstdint>

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

// Channels of a program from `first` on: some vectors of every pixel.
template <class VectorType, int vector_count, class Lanes>
struct Block {
  using V = VectorType;
  static constexpr int vectors = vector_count;
  const ElementwiseProgram& program;
  std::size_t first;
  void* const* streams;
  const Lanes& lanes;

  struct Values {
    typename V::Raw of[vectors];
  };
  template <class T>
  [[gnu::always_inline]] Values load(const T* from) const {
    Values values;
    repeat<vectors>(BINMORPH_UNROLL(u) { values.of[u] = lanes.load(from, u); });
    return values;
  }
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

// apply(v, pixel): v are the vectors of the block at a pixel. Everything that lies in memory is copied here,
// since for all that a compiler knows a store to a stream could change it.
template <class Block, ElementwiseOp op>
struct StepOn {
  using V = typename Block::V;
  using Raw = typename V::Raw;
  static constexpr int vectors = Block::vectors;
  static constexpr bool is(ElementwiseOp a, ElementwiseOp b) { return op == a || op == b; }
  static constexpr bool two_tables = is(ElementwiseOp::affine, ElementwiseOp::two_value);
  static constexpr bool one_table = is(ElementwiseOp::prelu, ElementwiseOp::pack);

  const Block& block;
  void* stream;
  std::size_t channels, start, groups;
  typename Block::Values first, second;

  [[gnu::always_inline]] StepOn(const Block& b, const ElementwiseStep& step)
      : block(b), channels(b.program.channels), start(b.first), groups(step.groups) {
    if constexpr (two_tables || one_table) first = b.load(step.first + start);
    if constexpr (two_tables) second = b.load(step.second + start);
    if constexpr (op == ElementwiseOp::clamp)
      first.of[0] = V::fill(step.low), second.of[0] = V::fill(step.high);
    else if constexpr (!is(ElementwiseOp::affine, ElementwiseOp::prelu))
      stream = b.streams[step.stream];
  }

  [[gnu::always_inline]] void apply(Raw* v, std::size_t pixel) const {
    if constexpr (op == ElementwiseOp::affine) {
      repeat<vectors>(BINMORPH_UNROLL(u) { v[u] = V::fma(v[u], first.of[u], second.of[u]); });
    } else if constexpr (op == ElementwiseOp::two_value) {
      const auto* values = static_cast<const std::int32_t*>(stream) + pixel * groups;
      const GroupValues a(values, channels / groups, start, channels);
      repeat<vectors>(BINMORPH_UNROLL(u) {
        v[u] = V::fma(v[u], first.of[u], V::mul(second.of[u], V::load(a.of + u * V::lanes)));
      });
    } else if constexpr (op == ElementwiseOp::add) {
      const float* from = static_cast<const float*>(stream) + pixel * channels + start;
      repeat<vectors>(BINMORPH_UNROLL(u) { v[u] = V::add(v[u], block.lanes.load(from, u)); });
    } else if constexpr (op == ElementwiseOp::prelu) {
      repeat<vectors>(BINMORPH_UNROLL(u) { v[u] = V::if_positive(v[u], v[u], V::mul(v[u], first.of[u])); });
    } else if constexpr (op == ElementwiseOp::clamp) {
      repeat<vectors>(BINMORPH_UNROLL(u) { v[u] = V::smaller(second.of[0], V::larger(first.of[0], v[u])); });
    } else if constexpr (op == ElementwiseOp::store) {
      float* to = static_cast<float*>(stream) + pixel * channels + start;
      repeat<vectors>(BINMORPH_UNROLL(u) { block.lanes.store(to, u, v[u]); });
    } else {
      static_assert(op == ElementwiseOp::pack);
      decltype(V::at_least(v[0], v[0])) bits[vectors];
      repeat<vectors>(BINMORPH_UNROLL(u) { bits[u] = V::at_least(v[u], first.of[u]); });
      static_cast<std::uint64_t*>(stream)[pixel * words_for(channels) + start / 64] =
          V::word(bits) & block.lanes.word;
    }
  }
};

}  // namespace
}  // namespace binmorph::kernels
