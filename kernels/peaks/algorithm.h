// The loops over vectors V of words and F of floats, kChains of them in flight.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/peaks/peaks.h"

namespace binmorph::kernels {
namespace {

template <class V, std::size_t kChains>
inline std::uint64_t exclusive_or(const typename V::Raw (&v)[kChains]) {
  std::uint64_t words[V::words], all = 0;
  for (const auto& raw : v) {
    V::store(words, raw);
    for (std::uint64_t word : words) all ^= word;
  }
  return all;
}

// Chains of full adders: a sum and a carry go round, and nothing leaves the registers. They start from words
// that the compiler cannot know to be equal to others: a carry of x would stay x, and leave nothing to do.
template <class V, std::size_t kChains>
std::uint64_t full_adders(const std::uint64_t* words, std::size_t rounds) {
  typename V::Raw sum[kChains], carry[kChains];
  const typename V::Raw x = V::load(words);
  std::uint64_t all = 0;
  for (std::size_t from = 0; from < kPeakWords; from += kChains * V::words) {
    for (std::size_t k = 0; k < kChains; ++k) {
      sum[k] = V::load(words + from + k * V::words);
      carry[k] = V::load(words + (from + k * V::words + kPeakWords / 2) % kPeakWords);
    }
    for (std::size_t r = 0; r < rounds; ++r)
      for (std::size_t k = 0; k < kChains; ++k) {
        typename V::Raw out;
        sum[k] = V::full_add(carry[k], x, sum[k], out);
        carry[k] = out;
      }
    all ^= exclusive_or<V>(sum) ^ exclusive_or<V>(carry);
  }
  return all;
}

template <class V, std::size_t kChains>
std::uint64_t read_words(const std::uint64_t* words, std::size_t count, std::size_t rounds) {
  typename V::Raw all[kChains];
  for (auto& raw : all) raw = V::fill(0);
  for (std::size_t r = 0; r < rounds; ++r)
    for (std::size_t i = 0; i < count; i += kChains * V::words)
      for (std::size_t k = 0; k < kChains; ++k)
        all[k] = V::bit_xor(all[k], V::load(words + i + k * V::words));
  return exclusive_or<V>(all);
}

// total[k] += popcount(x[k] AND total[k]), where P counts and adds in 64-bit lanes.
template <class P, std::size_t kChains>
std::uint64_t popcounts(const std::uint64_t* words, std::size_t rounds) {
  std::uint64_t all = 0;
  for (std::size_t from = 0; from < kPeakWords; from += kChains * P::words) {
    typename P::Raw x[kChains], total[kChains];
    for (std::size_t k = 0; k < kChains; ++k) x[k] = total[k] = P::load(words + from + k * P::words);
    for (std::size_t r = 0; r < rounds; ++r)
      for (std::size_t k = 0; k < kChains; ++k)
        total[k] = P::add(total[k], P::count(P::bit_and(x[k], total[k])));
    all ^= exclusive_or<P>(total);
  }
  return all;
}

template <class F, std::size_t kChains>
float multiply_adds(const float* floats, std::size_t rounds) {
  float all = 0;
  for (std::size_t from = 0; from < kPeakFloats; from += kChains * F::lanes) {
    typename F::Raw sum[kChains];
    const typename F::Raw half = F::fill(0.5f);
    for (std::size_t k = 0; k < kChains; ++k) sum[k] = F::load(floats + from + k * F::lanes);
    for (std::size_t r = 0; r < rounds; ++r)
      for (std::size_t k = 0; k < kChains; ++k) sum[k] = F::fma(sum[k], half, half);
    float lanes[F::lanes];
    for (const auto& raw : sum) {
      F::store(lanes, raw);
      for (float lane : lanes) all += lane;
    }
  }
  return all;
}

}  // namespace
}  // namespace binmorph::kernels
