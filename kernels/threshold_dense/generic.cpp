#include "kernels/threshold_dense/threshold_dense.h"

namespace binmorph::kernels {
namespace {

// Counts in pairs, nibbles and bytes of the word, then adds the bytes by a multiplication.
inline std::int64_t popcount(std::uint64_t v) {
  v -= (v >> 1) & 0x5555555555555555u;
  v = (v & 0x3333333333333333u) + ((v >> 2) & 0x3333333333333333u);
  v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return static_cast<std::int64_t>((v * 0x0101010101010101u) >> 56);
}

inline void add_counts(const std::uint64_t* mask, const std::uint64_t* x, std::size_t words,
                       std::int64_t sign, std::int64_t* count) {
  for (std::size_t w = 0; w < words; ++w)
    for (std::size_t j = 0; j < kDenseGroup; ++j)
      count[j] += sign * popcount(x[w] & mask[w * kDenseGroup + j]);
}

inline std::int64_t popcount(const std::uint64_t* x, std::size_t words) {
  std::int64_t total = 0;
  for (std::size_t w = 0; w < words; ++w) total += popcount(x[w]);
  return total;
}

}  // namespace

void threshold_dense_u64_u8__generic(const DenseProgram& program, const std::uint64_t* x, std::uint8_t* y,
                                     std::size_t begin, std::size_t end) {
  const std::size_t pitch = program.words * kDenseGroup;
  const std::int64_t ones = program.sign ? popcount(x, program.words) : 0;
  for (std::size_t g = begin; g < end; ++g) {
    std::int64_t count[kDenseGroup] = {};
    add_counts(program.plus + g * pitch, x, program.words, 1, count);
    if (program.minus != nullptr) add_counts(program.minus + g * pitch, x, program.words, -1, count);
    if (program.sign)
      for (std::int64_t& c : count) c = 2 * c - ones;
    unsigned byte = 0;
    for (std::size_t j = 0; j < kDenseGroup; ++j)
      byte |= static_cast<unsigned>(count[j] >= program.threshold[g * kDenseGroup + j]) << j;
    y[g] = static_cast<std::uint8_t>(byte ^ program.invert[g]);
  }
}

}  // namespace binmorph::kernels
