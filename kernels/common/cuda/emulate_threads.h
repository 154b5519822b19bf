// What the emulated multiprocessor keeps of its threads.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstring>
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

inline void land(const AsyncCopy& copy) {
  if (copy.src == nullptr)
    std::memset(copy.dst, 0, copy.bytes);
  else
    std::memcpy(copy.dst, copy.src, copy.bytes);
}

// Those of a thread: committed groups, the oldest first; the last one is open.
class AsyncCopies {
 public:
  void add(const AsyncCopy& copy) { groups_.back().push_back(copy); }
  void commit() { groups_.emplace_back(); }
  void await(std::size_t but_the_last) {
    for (; groups_.size() > but_the_last + 1; groups_.erase(groups_.begin()))
      for (const AsyncCopy& copy : groups_.front()) land(copy);
  }

 private:
  std::vector<std::vector<AsyncCopy>> groups_{1};
};

struct Thread {
  enum { fresh, ready, waiting, done } state = fresh;
  int fibre = -1;
  bool early = false;  // waits for the launch before
  bool meets = false;  // waits for the other blocks
  AsyncCopies copies;
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
