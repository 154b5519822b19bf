// Products of warpgroups, as the emulation executes them; a part of emulate_wgmma.h.
#pragma once

#include "kernels/common/cuda/emulate_wgmma.h"

namespace binmorph::cuda::emulate {

// Warp w of a warpgroup has rows 16 w .. of D. Lane = 4 group + thread: sum[4 j + 2 half + i] is (row group +
// 8 half, column 8 j + 2 thread + i); registers of A as those of mma.sync m16n8k256 (mma.cuh).
inline void Hopper::run(const Issued& product) {
  const Product& first = product.lane[0];
  const unsigned rows = product.warp % 4 * 16, columns = static_cast<unsigned>(first.columns);
  std::uint64_t a[16][4], b[256][4];
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned word = 0; word < 4; ++word) {
      if (first.a_registers == nullptr) {
        a[row][word] = word_of(first.a, rows + row, word);
        continue;
      }
      const unsigned* r = product.lane[row % 8 * 4 + word % 2 * 2].a_registers;
      const unsigned* next = product.lane[row % 8 * 4 + word % 2 * 2 + 1].a_registers;
      const unsigned which = row / 8 + word / 2 * 2;  // of 32 bits: thread t has bits 32 t .. of 128
      a[row][word] = r[which] | std::uint64_t{next[which]} << 32;
    }
  for (unsigned n = 0; n < columns; ++n)
    for (unsigned word = 0; word < 4; ++word) b[n][word] = word_of(first.b, n, word);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < columns / 2; ++i) {
      const unsigned row = lane / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      int count = 0;
      for (unsigned word = 0; word < 4; ++word) count += __builtin_popcountll(a[row][word] & b[column][word]);
      int& sum = product.lane[lane].sum[i];
      sum = (product.lane[lane].accumulate ? sum : 0) + count;
    }
}

inline void Hopper::multiply(void* const* lanes, unsigned) {
  Issued product;
  product.warp = threadIdx.x / 32;
  for (unsigned lane = 0; lane < 32; ++lane) product.lane[lane] = lane_of<Product>(lanes, lane);
  const Product& first = product.lane[0];
  for (const Product& p : product.lane)
    if (p.a != first.a || p.b != first.b || p.accumulate != first.accumulate)
      machine.error = "the lanes of a warp bring different descriptors";
  Hopper& all = hopper();
  Warp& w = all.warp();
  if (!w.fenced) machine.error = "a product without a fence of its registers";
  const Descriptors what{first.a, first.b, static_cast<std::uint64_t>(first.columns)};
  const auto same = all.order_.emplace(std::make_pair(product.warp / 4, w.issued++), what);
  if (same.first->second != what) machine.error = "the warps of a group multiply different matrices";
  if (machine.descending)
    all.run(product);
  else
    w.groups.back().push_back(product);
}

}  // namespace binmorph::cuda::emulate
