// Threshold neurons on bit planes, written once over a vector type V and compiled per ISA.
//
// all/any: one AND or OR per literal, straight from memory.
// count:   a vertical (bit-sliced) counter. It starts at 2^b - threshold, so that its bit b becomes one exactly when
//          `threshold` literals have been counted; no comparison follows. Since 1 <= threshold <= n <= 2^b, the sum
//          stays below 2^(b+1). Eight literals cost seven full adders plus a short ripple.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/threshold_planes/threshold_planes.h"

namespace binmorph::kernels {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr std::size_t kCounterBits = 33;  // literal counts are 32-bit

template <class V, std::uint32_t Scale>
struct Literals {
  const std::uint64_t* src;
  const std::uint32_t* taps;
  typename V::Raw flip;

  typename V::Raw operator()(std::uint32_t i) const {
    return V::bit_xor(V::load(src + std::size_t{taps[i]} * Scale), flip);
  }
};

// The three low bits live in registers, the others (touched once per eight literals) in memory.
template <class V>
struct Counter {
  using Raw = typename V::Raw;
  Raw low0, low1, low2;
  Raw high[kCounterBits];
  std::uint32_t top;

  explicit Counter(const Term& term) : top(term.counter_bits) {
    const std::uint64_t start = (std::uint64_t{1} << top) - term.threshold;
    const auto bit = [&](std::uint32_t j) { return V::fill((start >> j) & 1 ? kOnes : 0); };
    low0 = bit(0), low1 = bit(1), low2 = bit(2);
    for (std::uint32_t j = 3; j <= top; ++j) high[j] = bit(j);
  }

  Raw top_bit() const { return top == 0 ? low0 : top == 1 ? low1 : top == 2 ? low2 : high[top]; }

  static Raw half_add(Raw& sum, Raw carry) {
    const Raw out = V::bit_and(sum, carry);
    sum = V::bit_xor(sum, carry);
    return out;
  }

  void ripple(Raw carry, std::uint32_t from) {
    for (std::uint32_t j = from; j < top; ++j) carry = half_add(high[j], carry);
    if (from <= top) high[top] = V::bit_xor(high[top], carry);
  }

  template <class Read>
  Raw add_four_into_low2(const Read& x, std::uint32_t i) {
    Raw twos_a, twos_b, fours;
    low0 = V::full_add(x(i), x(i + 1), low0, twos_a);
    low0 = V::full_add(x(i + 2), x(i + 3), low0, twos_b);
    low1 = V::full_add(twos_a, twos_b, low1, fours);
    return fours;
  }

  template <class Read>
  Raw add_eight(const Read& x, std::uint32_t i) {
    Raw eights;
    const Raw fours_a = add_four_into_low2(x, i);
    const Raw fours_b = add_four_into_low2(x, i + 4);
    low2 = V::full_add(fours_a, fours_b, low2, eights);
    return eights;
  }

  template <class Read>
  void add(const Read& x, std::uint32_t n) {
    std::uint32_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const Raw eights_a = add_eight(x, i);
      const Raw eights_b = add_eight(x, i + 8);
      Raw sixteens;
      high[3] = V::full_add(eights_a, eights_b, high[3], sixteens);
      ripple(sixteens, 4);
    }
    if (i + 8 <= n) {
      ripple(add_eight(x, i), 3);
      i += 8;
    }
    if (i + 4 <= n) {
      ripple(half_add(low2, add_four_into_low2(x, i)), 3);
      i += 4;
    }
    if (i + 2 <= n) {
      Raw twos;
      low0 = V::full_add(x(i), x(i + 1), low0, twos);
      ripple(half_add(low2, half_add(low1, twos)), 3);
      i += 2;
    }
    if (i < n) ripple(half_add(low2, half_add(low1, half_add(low0, x(i)))), 3);
  }
};

template <class V, std::size_t Vectors, std::uint32_t Scale>
inline void evaluate_gate(const Term& term, const std::uint32_t* taps, const std::uint64_t* src,
                          std::uint64_t* dst) {
  using Raw = typename V::Raw;
  const bool all = term.op == TermOp::all;
  Raw acc[Vectors];
  for (Raw& a : acc) a = V::fill(all ? kOnes : 0);
  const std::uint32_t* tap = taps + term.first_tap;
  const std::uint32_t* const positive_end = tap + term.positive;
  const std::uint32_t* const end = positive_end + term.negative;
  if (all) {
    for (; tap != positive_end; ++tap)
      for (std::size_t v = 0; v < Vectors; ++v)
        acc[v] = V::bit_and(acc[v], V::load(src + std::size_t{*tap} * Scale + v * V::words));
    for (; tap != end; ++tap)
      for (std::size_t v = 0; v < Vectors; ++v)
        acc[v] = V::and_not(acc[v], V::load(src + std::size_t{*tap} * Scale + v * V::words));
  } else {
    for (; tap != positive_end; ++tap)
      for (std::size_t v = 0; v < Vectors; ++v)
        acc[v] = V::bit_or(acc[v], V::load(src + std::size_t{*tap} * Scale + v * V::words));
    for (; tap != end; ++tap)
      for (std::size_t v = 0; v < Vectors; ++v)
        acc[v] = V::or_not(acc[v], V::load(src + std::size_t{*tap} * Scale + v * V::words));
  }
  const Raw flip = V::fill(term.invert ? kOnes : 0);
  for (std::size_t v = 0; v < Vectors; ++v) V::store(dst + v * V::words, V::bit_xor(acc[v], flip));
}

template <class V, std::uint32_t Scale>
inline void evaluate_count(const Term& term, const std::uint32_t* taps, const std::uint64_t* src,
                           std::uint64_t* dst) {
  Counter<V> counter(term);
  const std::uint32_t* first = taps + term.first_tap;
  counter.add(Literals<V, Scale>{src, first, V::fill(0)}, term.positive);
  counter.add(Literals<V, Scale>{src, first + term.positive, V::fill(kOnes)}, term.negative);
  V::store(dst, V::bit_xor(counter.top_bit(), V::fill(term.invert ? kOnes : 0)));
}

template <class V, std::size_t Vectors, std::uint32_t Scale>
inline void evaluate(const Term& term, const std::uint32_t* taps, const std::uint64_t* src, std::uint64_t* dst) {
  if (term.op != TermOp::count) return evaluate_gate<V, Vectors, Scale>(term, taps, src, dst);
  for (std::size_t v = 0; v < Vectors; ++v)
    evaluate_count<V, Scale>(term, taps, src + v * V::words, dst + v * V::words);
}

// All neurons on one block of Vectors vectors, so that the source block stays in L1 while they read it.
template <class V, std::size_t Vectors>
inline void run_block(const PlaneProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                      std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  constexpr std::uint32_t kBlock = static_cast<std::uint32_t>(Vectors * V::words);
  static_assert(kBlock <= kPlaneBlockWords);
  for (std::size_t o = begin; o < end; ++o) {
    const PlaneNeuron& neuron = program.neurons[o];
    const Term* terms = program.terms + neuron.first_term;
    std::uint64_t* out = dst + o * shape.dst_plane_pitch;
    if (neuron.terms == 1) {
      evaluate<V, Vectors, 1>(terms[0], program.taps, src, out);
      continue;
    }
    for (std::uint32_t t = 0; t < neuron.terms; ++t)
      evaluate<V, Vectors, 1>(terms[t], program.taps, src, scratch + std::size_t{t} * kBlock);
    evaluate<V, Vectors, kBlock>(neuron.combine, program.taps, scratch, out);
  }
}

// Rows shorter than a vector go to the next narrower type; the end of a longer row is computed by a last vector that
// overlaps the one before (an output depends on the source alone, so writing it twice is harmless).
template <class V, class... Narrower>
inline void run_planes(const PlaneProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                       std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  if constexpr (sizeof...(Narrower) > 0) {
    if (shape.row_words < V::words)
      return run_planes<Narrower...>(program, shape, src, dst, begin, end, scratch);
  }
  const std::size_t n = shape.row_words;
  for (std::size_t y = 0; y < shape.rows; ++y) {
    const std::uint64_t* row = src + y * shape.src_row_pitch;
    std::uint64_t* out = dst + y * n;
    std::size_t i = 0;
    for (; i + 8 * V::words <= n; i += 8 * V::words)
      run_block<V, 8>(program, shape, row + i, out + i, begin, end, scratch);
    if (i + 4 * V::words <= n) {
      run_block<V, 4>(program, shape, row + i, out + i, begin, end, scratch);
      i += 4 * V::words;
    }
    if (i + 2 * V::words <= n) {
      run_block<V, 2>(program, shape, row + i, out + i, begin, end, scratch);
      i += 2 * V::words;
    }
    for (; i < n; i += V::words) {
      if (i + V::words > n) i = n - V::words;
      run_block<V, 1>(program, shape, row + i, out + i, begin, end, scratch);
    }
  }
}

}  // namespace
}  // namespace binmorph::kernels
