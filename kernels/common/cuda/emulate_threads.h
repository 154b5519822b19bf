// What the emulated multiprocessor keeps of its threads.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <memory>
#include <vector>

struct Index3 {
  unsigned x, y, z;
};
inline Index3 threadIdx, blockIdx, blockDim, gridDim;

namespace binmorph::cuda::emulate {

using Collective = void (*)(void* const* lanes, unsigned mask);

inline constexpr std::size_t kSharedAlign = 1024;  // the atom of the widest swizzle

struct AsyncCopy {
  void* dst;
  const void* src;  // null: zeros
  unsigned bytes;
};

struct Thread {
  enum { fresh, ready, waiting, done } state = fresh;
  int fibre = -1;
  bool early = false;                          // waits for the launch before
  std::vector<std::vector<AsyncCopy>> copies;  // committed groups, oldest first; the last is open
};

struct Warp {
  unsigned arrived = 0, mask = 0;
  Collective operation = nullptr;
  void* payload[32];
};

// Begins by ucontext; switches by longjmp, which leaves the signal mask alone and so needs no system call.
struct Fibre {
  ucontext_t begin;
  jmp_buf place;
  std::unique_ptr<char[]> stack;
};

}  // namespace binmorph::cuda::emulate
