// A program over tiles of registers, written once over a float vector type V and compiled per ISA.
#pragma once

#include <type_traits>

#include "kernels/elementwise/steps.h"

namespace binmorph::kernels {
namespace {

// Any program. A tile is one pixel or, where channels are few, several: always as many registers, so that the
// cost of looking at a step is shared by as many values.
struct AnySteps {
  template <int pixels, class Block, class T>
  [[gnu::always_inline]] static void run_tile(const Block& block, std::size_t pixel, const T* src,
                                              std::size_t src_pitch) {
    constexpr int vectors = Block::vectors;
    typename Block::V::Raw v[pixels * vectors];
    repeat<pixels * vectors>(
        BINMORPH_UNROLL(n) { v[n] = block.lanes.load(src + n / vectors * src_pitch, n % vectors); });
    const ElementwiseStep* const end = block.program.steps + block.program.count;
    for (const ElementwiseStep* step = block.program.steps; step != end; ++step) {
      const auto apply = [&](auto op) __attribute__((always_inline)) {
        const StepOn<Block, op()> on(block, *step);
        repeat<pixels>(BINMORPH_UNROLL(i) { on.apply(v + i * vectors, pixel + i); });
      };
#define BINMORPH_CASE(name)                                              \
  case ElementwiseOp::name:                                              \
    apply(std::integral_constant<ElementwiseOp, ElementwiseOp::name>()); \
    break;
      switch (step->op) {
        BINMORPH_CASE(affine)
        BINMORPH_CASE(two_value)
        BINMORPH_CASE(add)
        BINMORPH_CASE(prelu)
        BINMORPH_CASE(clamp)
        BINMORPH_CASE(store)
        BINMORPH_CASE(pack)
      }
#undef BINMORPH_CASE
    }
  }

  template <class Block, class T>
  static void run(const Block& block, const ElementwiseRange& range, const T* src, std::size_t src_pitch) {
    constexpr int registers = Block::V::lanes == 16 ? 16 : 8, pixels = registers / Block::vectors;
    std::size_t pixel = range.pixel_begin;
    for (; pixel + pixels <= range.pixel_end; pixel += pixels, src += pixels * src_pitch)
      run_tile<pixels>(block, pixel, src, src_pitch);
    for (; pixel < range.pixel_end; ++pixel, src += src_pitch) run_tile<1>(block, pixel, src, src_pitch);
  }
};

template <class Block, ElementwiseOp... ops>
struct Chain {
  [[gnu::always_inline]] Chain(const Block&, const ElementwiseStep*) {}
  [[gnu::always_inline]] void apply(typename Block::V::Raw*, std::size_t) const {}
};
template <class Block, ElementwiseOp op, ElementwiseOp... ops>
struct Chain<Block, op, ops...> {
  StepOn<Block, op> on;
  Chain<Block, ops...> rest;
  [[gnu::always_inline]] Chain(const Block& block, const ElementwiseStep* step)
      : on(block, *step), rest(block, step + 1) {}
  [[gnu::always_inline]] void apply(typename Block::V::Raw* v, std::size_t pixel) const {
    on.apply(v, pixel);
    rest.apply(v, pixel);
  }
};

// Programs of operations that the compiler knows: no jump per step, and the tables stay in registers.
template <ElementwiseOp... ops>
struct Steps {
  static bool are_those_of(const ElementwiseProgram& program) {
    const ElementwiseStep* step = program.steps;
    return program.count == sizeof...(ops) && ((step++->op == ops) && ...);
  }

  template <class Block, class T>
  static void run(const Block& block, const ElementwiseRange& range, const T* src, std::size_t src_pitch) {
    const Chain<Block, ops...> chain(block, block.program.steps);
    const std::size_t end = range.pixel_end;
    for (std::size_t pixel = range.pixel_begin; pixel < end; ++pixel, src += src_pitch) {
      typename Block::V::Raw v[Block::vectors];
      repeat<Block::vectors>(BINMORPH_UNROLL(u) { v[u] = block.lanes.load(src, u); });
      chain.apply(v, pixel);
    }
  }
};

template <class V, int vectors, class Steps, class T>
inline void run_tail(const ElementwiseProgram& program, const ElementwiseRange& range, std::size_t first,
                     const T* src, std::size_t src_pitch, void* const* streams) {
  const std::size_t left = program.channels - first;
  if constexpr (vectors > 1) {
    if (left <= vectors / 2 * V::lanes)
      return run_tail<V, vectors / 2, Steps>(program, range, first, src, src_pitch, streams);
  }
  const Tail<V, vectors> lanes(left);
  Steps::run(Block<V, vectors, Tail<V, vectors>>{program, first, streams, lanes}, range, src, src_pitch);
}

template <class V, class Steps, class T>
inline void run_blocks(const ElementwiseProgram& program, const ElementwiseRange& range, const T* src,
                       std::size_t src_pitch, void* const* streams) {
  constexpr int vectors = kElementwiseBlock / V::lanes;
  const Whole<V> lanes;
  for (std::size_t block = range.block_begin; block < range.block_end; ++block, src += kElementwiseBlock) {
    const std::size_t first = block * kElementwiseBlock;
    if (first + kElementwiseBlock > program.channels)
      run_tail<V, vectors, Steps>(program, range, first, src, src_pitch, streams);
    else
      Steps::run(Block<V, vectors, Whole<V>>{program, first, streams, lanes}, range, src, src_pitch);
  }
}

// The first of the kinds of steps that the program's are.
template <class V, class First, class... Others, class T>
inline void run_as(const ElementwiseProgram& program, const ElementwiseRange& range, const T* src,
                   std::size_t src_pitch, void* const* streams) {
  if constexpr (sizeof...(Others) > 0) {
    if (!First::are_those_of(program)) return run_as<V, Others...>(program, range, src, src_pitch, streams);
  }
  run_blocks<V, First>(program, range, src, src_pitch, streams);
}

// Known are the parts of a residual network: stem, shortcut, a binary layer with the sum behind it, the last
// of them; and signs.
template <class V, class T>
inline void run_elementwise(const ElementwiseProgram& program, const ElementwiseRange& range, const T* src,
                            std::size_t src_pitch, void* const* streams) {
  using Op = ElementwiseOp;
  run_as<V, Steps<Op::pack>, Steps<Op::affine, Op::clamp, Op::store>, Steps<Op::affine, Op::store>,
         Steps<Op::affine, Op::add, Op::pack, Op::store>, Steps<Op::affine, Op::add, Op::clamp, Op::store>,
         AnySteps>(program, range, src, src_pitch, streams);
}

}  // namespace
}  // namespace binmorph::kernels
