// Threshold neurons on bit planes, written once over a vector type V and compiled per ISA.
//
// all/any: one AND or OR per literal, straight from memory.
// count:   a vertical (bit-sliced) counter. It starts at 2^b - threshold, so that its bit b becomes one
// exactly when
//          `threshold` literals have been counted; no comparison follows. Since 1 <= threshold <= n <= 2^b,
//          the sum stays below 2^(b+1). Eight literals cost seven full adders plus a short ripple.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/threshold_planes/threshold_planes.h"

namespace binmorph::kernels {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr std::size_t kCounterBits = 33;  // literal counts are 32-bit

// N neighbouring vectors side by side: the address arithmetic of a tap is paid once, and the adders of one
// vector fill the latencies of the other.
template <class V, std::size_t N>
struct Lanes {
  typename V::Raw v[N];
};

template <class V, std::size_t N, std::uint32_t Scale>
struct Literals {
  const std::uint64_t* src;
  const std::uint32_t* taps;
  bool negated;

  Lanes<V, N> operator()(std::uint32_t i) const {
    const std::uint64_t* p = src + std::size_t{taps[i]} * Scale;
    const typename V::Raw flip = V::fill(negated ? kOnes : 0);
    Lanes<V, N> x;
    for (std::size_t k = 0; k < N; ++k) x.v[k] = V::bit_xor(V::load(p + k * V::words), flip);
    return x;
  }
};

// The three low bits live in registers, the others (touched once per eight literals) in memory.
template <class V, std::size_t N>
struct Counter {
  using Bits = Lanes<V, N>;
  Bits low0, low1, low2;
  Bits high[kCounterBits];
  std::uint32_t top;

  static Bits fill(bool bit) {
    Bits x;
    for (auto& v : x.v) v = V::fill(bit ? kOnes : 0);
    return x;
  }

  // carry of a + b + sum; sum is replaced by the sum bit. The running sum enters last: one operation deep.
  static Bits full_add(const Bits& a, const Bits& b, Bits& sum) {
    Bits carry;
    for (std::size_t k = 0; k < N; ++k) sum.v[k] = V::full_add(a.v[k], b.v[k], sum.v[k], carry.v[k]);
    return carry;
  }

  static Bits half_add(const Bits& a, Bits& sum) {
    Bits carry;
    for (std::size_t k = 0; k < N; ++k) {
      carry.v[k] = V::bit_and(sum.v[k], a.v[k]);
      sum.v[k] = V::bit_xor(sum.v[k], a.v[k]);
    }
    return carry;
  }

  explicit Counter(const Term& term) : top(term.counter_bits) {
    const std::uint64_t start = (std::uint64_t{1} << top) - term.threshold;
    low0 = fill(start & 1), low1 = fill(start & 2), low2 = fill(start & 4);
    for (std::uint32_t j = 3; j <= top; ++j) high[j] = fill((start >> j) & 1);
  }

  const Bits& top_bit() const { return top == 0 ? low0 : top == 1 ? low1 : top == 2 ? low2 : high[top]; }

  void ripple(Bits carry, std::uint32_t from) {
    for (std::uint32_t j = from; j <= top; ++j) carry = half_add(carry, high[j]);
  }

  template <class Read>
  Bits add_four(const Read& x, std::uint32_t i) {
    const Bits twos_a = full_add(x(i), x(i + 1), low0);
    const Bits twos_b = full_add(x(i + 2), x(i + 3), low0);
    return full_add(twos_a, twos_b, low1);
  }

  template <class Read>
  Bits add_eight(const Read& x, std::uint32_t i) {
    const Bits fours_a = add_four(x, i);
    return full_add(fours_a, add_four(x, i + 4), low2);
  }

  template <class Read>
  void add(const Read& x, std::uint32_t n) {
    std::uint32_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const Bits eights_a = add_eight(x, i);
      ripple(full_add(eights_a, add_eight(x, i + 8), high[3]), 4);
    }
    if (i + 8 <= n) {
      ripple(add_eight(x, i), 3);
      i += 8;
    }
    if (i + 4 <= n) {
      ripple(half_add(add_four(x, i), low2), 3);
      i += 4;
    }
    if (i + 2 <= n) {
      ripple(half_add(half_add(full_add(x(i), x(i + 1), low0), low1), low2), 3);
      i += 2;
    }
    if (i < n) ripple(half_add(half_add(half_add(x(i), low0), low1), low2), 3);
  }
};

enum class Fold { all, all_negated, any, any_negated };

template <class V, Fold kFold>
inline typename V::Raw fold(typename V::Raw acc, typename V::Raw x) {
  switch (kFold) {
    case Fold::all:
      return V::bit_and(acc, x);
    case Fold::all_negated:
      return V::and_not(acc, x);
    case Fold::any:
      return V::bit_or(acc, x);
    case Fold::any_negated:
      return V::or_not(acc, x);
  }
}

// Long gates on a single vector (dense layers on planes) stop as soon as the literals to come cannot change a
// lane.
template <class V, std::size_t Vectors, std::uint32_t Scale, Fold kFold>
inline void fold_taps(const std::uint32_t* taps, std::uint32_t n, const std::uint64_t* src,
                      typename V::Raw* acc) {
  std::uint32_t i = 0;
  if constexpr (Vectors == 1) {
    constexpr std::uint64_t kSettled = kFold == Fold::all || kFold == Fold::all_negated ? 0 : kOnes;
    for (; i + 8 <= n; i += 8) {
      for (std::uint32_t k = 0; k < 8; ++k)
        acc[0] = fold<V, kFold>(acc[0], V::load(src + std::size_t{taps[i + k]} * Scale));
      if (V::equals(acc[0], V::fill(kSettled))) return;
    }
  }
  for (; i < n; ++i)
    for (std::size_t v = 0; v < Vectors; ++v)
      acc[v] = fold<V, kFold>(acc[v], V::load(src + std::size_t{taps[i]} * Scale + v * V::words));
}

template <class V, std::size_t Vectors, std::uint32_t Scale>
inline void evaluate_gate(const Term& term, const std::uint32_t* taps, const std::uint64_t* src,
                          std::uint64_t* dst) {
  using Raw = typename V::Raw;
  const bool all = term.op == TermOp::all;
  Raw acc[Vectors];
  for (Raw& a : acc) a = V::fill(all ? kOnes : 0);
  const std::uint32_t *positive = taps + term.first_tap, *negative = positive + term.positive;
  if (all) {
    fold_taps<V, Vectors, Scale, Fold::all>(positive, term.positive, src, acc);
    fold_taps<V, Vectors, Scale, Fold::all_negated>(negative, term.negative, src, acc);
  } else {
    fold_taps<V, Vectors, Scale, Fold::any>(positive, term.positive, src, acc);
    fold_taps<V, Vectors, Scale, Fold::any_negated>(negative, term.negative, src, acc);
  }
  const Raw flip = V::fill(term.invert ? kOnes : 0);
  for (std::size_t v = 0; v < Vectors; ++v) V::store(dst + v * V::words, V::bit_xor(acc[v], flip));
}

template <class V, std::size_t N, std::uint32_t Scale>
inline void evaluate_count(const Term& term, const std::uint32_t* taps, const std::uint64_t* src,
                           std::uint64_t* dst) {
  Counter<V, N> counter(term);
  const std::uint32_t* first = taps + term.first_tap;
  counter.add(Literals<V, N, Scale>{src, first, false}, term.positive);
  counter.add(Literals<V, N, Scale>{src, first + term.positive, true}, term.negative);
  const Lanes<V, N>& fired = counter.top_bit();
  const typename V::Raw flip = V::fill(term.invert ? kOnes : 0);
  for (std::size_t k = 0; k < N; ++k) V::store(dst + k * V::words, V::bit_xor(fired.v[k], flip));
}

template <class V, std::size_t Vectors, std::uint32_t Scale>
inline void evaluate(const Term& term, const std::uint32_t* taps, const std::uint64_t* src,
                     std::uint64_t* dst) {
  if (term.op != TermOp::count) return evaluate_gate<V, Vectors, Scale>(term, taps, src, dst);
  evaluate_count<V, Vectors, Scale>(term, taps, src, dst);
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

// Rows shorter than a vector go to the next narrower type.
template <class V, class... Narrower>
inline void run_planes(const PlaneProgram& program, const PlaneShape& shape, const std::uint64_t* src,
                       std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  if constexpr (sizeof...(Narrower) > 0) {
    if (shape.row_words < V::words)
      return run_planes<Narrower...>(program, shape, src, dst, begin, end, scratch);
  }
  // 256 bytes: enough to pay for the walk along the taps; wider blocks lose more in L1 than they gain.
  constexpr std::size_t kWidest = 32 / V::words < 8 ? 32 / V::words : 8;
  for_each_block<V, kWidest>(shape, src, dst,
                             [&](auto vectors, const std::uint64_t* from, std::uint64_t* to) {
                               run_block<V, vectors>(program, shape, from, to, begin, end, scratch);
                             });
}

}  // namespace
}  // namespace binmorph::kernels
