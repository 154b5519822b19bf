// Products of the tensor cores and exchanges between the lanes of a warp, as the emulation executes them.
#pragma once

#include "kernels/common/cuda/emulate_machine.h"

namespace binmorph::cuda::emulate {

// Fragments of mma.sync, as the PTX manual lays them out ("Matrix multiply-accumulate operation using mma
// instruction"): lane = 4 group + thread of the group; element i of a lane lies at (row, column) of its
// matrix. `unit` elements fill a 32-bit register.
struct Mma {
  unsigned a[4], b[2];
  int c[4];
};

template <int unit>
unsigned element(const unsigned* registers, unsigned i) {
  constexpr unsigned bits = 32 / unit;
  return registers[i / unit] >> (i % unit * bits) & ((1ull << bits) - 1);
}

// m16n8 with k = 8 units: four registers of A, two of B.
template <int unit>
void mma_m16n8(void* const* lanes, unsigned) {
  constexpr unsigned k = 8 * unit;
  static unsigned a[16][k], b[k][8];
  for (unsigned lane = 0; lane < 32; ++lane) {
    const unsigned group = lane / 4, thread = lane % 4;
    const Mma& m = lane_of<Mma>(lanes, lane);
    for (unsigned i = 0; i < 4 * unit; ++i) {
      const unsigned row = i / unit % 2 == 0 ? group : group + 8;
      a[row][thread * unit + i % unit + (i < 2 * unit ? 0 : 4 * unit)] = element<unit>(m.a, i);
    }
    for (unsigned i = 0; i < 2 * unit; ++i)
      b[thread * unit + i % unit + (i < unit ? 0 : 4 * unit)][group] = element<unit>(m.b, i);
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + i % 2;
      int sum = 0;
      for (unsigned j = 0; j < k; ++j) sum += static_cast<int>(a[row][j] * b[j][column]);  // AND of bits
      lane_of<Mma>(lanes, lane).c[i] += sum;
    }
}

// m8n8 with k = 4 units: one register of A and of B, two of C.
template <int unit>
void mma_m8n8(void* const* lanes, unsigned) {
  constexpr unsigned k = 4 * unit;
  static unsigned a[8][k], b[k][8];
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < unit; ++i) {
      a[lane / 4][lane % 4 * unit + i] = element<unit>(lane_of<Mma>(lanes, lane).a, i);
      b[lane % 4 * unit + i][lane / 4] = element<unit>(lane_of<Mma>(lanes, lane).b, i);
    }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 2; ++i) {
      int sum = 0;
      for (unsigned j = 0; j < k; ++j) sum += static_cast<int>(a[lane / 4][j] * b[j][lane % 4 * 2 + i]);
      lane_of<Mma>(lanes, lane).c[i] += sum;
    }
}

struct Shuffle {
  std::uint64_t value, result;
  unsigned source;
};
inline void shuffle(void* const* lanes, unsigned mask) {
  for (unsigned i = 0; i < 32; ++i)
    if (mask >> i & 1) {
      Shuffle& s = lane_of<Shuffle>(lanes, i);
      s.result = lane_of<Shuffle>(lanes, s.source % 32).value;
    }
}
template <class T>
T exchange(unsigned mask, T value, unsigned source) {
  Shuffle s{0, 0, source};
  std::memcpy(&s.value, &value, sizeof value);
  machine.collective(mask, &s, &shuffle);
  T result;
  std::memcpy(&result, &s.result, sizeof result);
  return result;
}

struct Ballot {
  unsigned predicate, result;
};
inline void ballot(void* const* lanes, unsigned mask) {
  unsigned word = 0;
  for (unsigned i = 0; i < 32; ++i)
    if (mask >> i & 1) word |= lane_of<Ballot>(lanes, i).predicate << i;
  for (unsigned i = 0; i < 32; ++i)
    if (mask >> i & 1) lane_of<Ballot>(lanes, i).result = word;
}

}  // namespace binmorph::cuda::emulate
