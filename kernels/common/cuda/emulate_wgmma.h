// Hopper's asynchronous instructions on the host: wgmma on bits, mbarriers, bulk copies, the two proxies.
//
// What hardware may do late is done late in one schedule (products when they are awaited, bulk copies when a
// barrier that counts them is waited for) and at once in the other (`descending`). So a missing wait reads
// poison, and a buffer that is handed back too early is overwritten before it is read. Products and bulk
// copies see shared memory through the asynchronous proxy: a copy of it that ordinary writes reach only by a
// fence. (A fence takes everybody's writes along, which hardware does not promise.)
// Descriptors and fragments as the PTX manual lays them out ("Asynchronous warpgroup level matrix
// instructions"): matrices whose rows are contiguous along the common dimension, in core matrices of 8 rows x
// 16 bytes.
#pragma once

#include <array>
#include <deque>
#include <map>

#include "kernels/common/cuda/emulate.h"

namespace binmorph::cuda::emulate {

// One lane's part of a product. a_registers: null where A lies in shared memory.
struct Product {
  int columns;
  int* sum;
  std::uint64_t a, b;
  const unsigned* a_registers;
  bool accumulate;
};

class Hopper {
 public:
  struct Barrier {
    unsigned count, pending;  // arrivals of a phase, and those that are missing
    std::int64_t bytes = 0;   // announced and not copied yet
    unsigned phase = 0;
    std::vector<unsigned> waiting;             // threads
    std::vector<std::vector<AsyncCopy>> late;  // copies under way
  };

  void init(void* at, unsigned count) {
    renew();
    if (barriers_.count(offset(at)) != 0) return machine.fail("an mbarrier is initialised twice");
    barriers_[offset(at)] = {count, count, 0, 0, {}, {}};
  }

  void arrive(void* at, unsigned bytes) {
    if (Barrier* barrier = find(at)) {
      if (barrier->pending == 0) return machine.fail("more arrivals at an mbarrier than it counts");
      barrier->bytes += bytes;
      --barrier->pending;
      advance(*barrier);
    }
  }

  // Until the phase of that parity is complete.
  void await(void* at, unsigned parity) {
    Barrier* barrier = find(at);
    while (barrier != nullptr && machine.error.empty() && barrier->phase % 2 == parity) {
      land(*barrier);
      if (barrier->phase % 2 != parity) return;
      barrier->waiting.push_back(threadIdx.x);
      machine.block();
    }
  }

  void copy_bulk(void* dst, const void* src, unsigned bytes, void* at) {
    if (bytes % 16 != 0 || offset(dst) % 16 != 0 || reinterpret_cast<std::uintptr_t>(src) % 16 != 0)
      return machine.fail("a bulk copy is not aligned to 16 bytes");
    copy_rows({{dst, src, bytes}}, at);
  }

  // One operation that moves several runs, as a copy of a box does; a null source leaves zeros.
  void copy_rows(std::vector<AsyncCopy> runs, void* at) {
    if (Barrier* barrier = find(at)) {
      barrier->late.push_back(std::move(runs));
      if (machine.descending || !barrier->waiting.empty()) land(*barrier);
    }
  }

  // Ordinary writes become visible to products and bulk copies.
  void fence_proxy() {
    renew();
    std::memcpy(proxy_.data(), machine.shared(), proxy_.size());
  }

  // A barrier for `threads` threads, by number.
  void sync_group(unsigned number, unsigned threads) {
    renew();
    auto& waiting = groups_[number];
    if (waiting.size() + 1 < threads) {
      waiting.push_back(threadIdx.x);
      return machine.block();
    }
    for (const unsigned t : waiting) machine.wake(t);
    waiting.clear();
  }

  void fence_registers() { warp().fenced = true; }

  static void multiply(void* const* lanes, unsigned);
  void commit() { warp().groups.emplace_back(); }
  void await_products(std::size_t but_the_last) {
    Warp& w = warp();
    while (w.groups.size() > but_the_last + 1) {
      for (const Issued& product : w.groups.front()) run(product);
      w.groups.pop_front();
    }
    w.fenced = false;
  }

 private:
  using Descriptors = std::array<std::uint64_t, 3>;
  struct Issued {
    std::array<Product, 32> lane;
    unsigned warp;
  };
  struct Warp {
    bool fenced = false;
    std::deque<std::vector<Issued>> groups{1};  // committed ones, oldest first; the last is open
    std::size_t issued = 0;
  };

  // Shared memory starts anew with each block.
  void renew() {
    if (block_ == machine.block_number()) return;
    block_ = machine.block_number();
    barriers_.clear();
    groups_.clear();
    order_.clear();
    warps_.assign((blockDim.x + 31) / 32, {});
    proxy_.assign(machine.shared(), machine.shared() + machine.shared_bytes());
  }

  Warp& warp() {
    renew();
    return warps_[threadIdx.x / 32];
  }
  static std::size_t offset(const void* at) {
    return static_cast<std::size_t>(static_cast<const unsigned char*>(at) - machine.shared());
  }
  Barrier* find(void* at) {
    renew();
    const auto found = barriers_.find(offset(at));
    if (found != barriers_.end()) return &found->second;
    machine.fail("an mbarrier is used before it is initialised");
    return nullptr;
  }

  static void advance(Barrier& barrier) {
    if (barrier.pending != 0 || barrier.bytes != 0) return;
    barrier.pending = barrier.count;
    ++barrier.phase;
    for (const unsigned t : barrier.waiting) machine.wake(t);
    barrier.waiting.clear();
  }

  void land(Barrier& barrier) {
    for (const auto& runs : std::exchange(barrier.late, {}))
      for (const AsyncCopy& run : runs) {
        unsigned char* to = static_cast<unsigned char*>(run.dst);
        if (offset(to) + run.bytes > proxy_.size()) return machine.fail("a bulk copy leaves shared memory");
        if (run.src == nullptr)
          std::memset(to, 0, run.bytes);
        else
          std::memcpy(to, run.src, run.bytes);
        std::memcpy(proxy_.data() + offset(to), to, run.bytes);
        barrier.bytes -= run.bytes;
      }
    advance(barrier);
  }

  // 64 bits of row `row` of the matrix that a descriptor names: word `word` of the 256 bits.
  std::uint64_t word_of(std::uint64_t descriptor, unsigned row, unsigned word) {
    const auto field = [&](unsigned at) { return static_cast<unsigned>(descriptor >> at & 0x3FFF) * 16; };
    const unsigned start = field(0), leading = field(16), stride = field(32);
    // Swizzle 3, 2, 1: rows of 32, 64, 128 bytes. Bits 4 .. of the address are XORed with bits 7 .. .
    const unsigned mode = static_cast<unsigned>(descriptor >> 62), width = mode == 0 ? 16 : 256u >> mode;
    const unsigned inside = mode == 0 ? word / 2 * leading : word / 2 * 16;
    unsigned at = start + row / 8 * stride + row % 8 * width + inside;
    if (mode != 0) at ^= (at >> 7 & (width / 16 - 1)) << 4;
    at += word % 2 * 8;
    std::uint64_t value = 0xCDCDCDCDCDCDCDCD;
    if (at + 8 <= proxy_.size())
      std::memcpy(&value, proxy_.data() + at, 8);
    else
      machine.error = "a product reads past the shared memory";
    return value;
  }

  void run(const Issued& product);

  std::uint64_t block_ = 0;
  std::map<std::size_t, Barrier> barriers_;
  std::map<unsigned, std::vector<unsigned>> groups_;
  std::map<std::pair<unsigned, std::size_t>, std::array<std::uint64_t, 3>> order_;  // by (group, number)
  std::vector<Warp> warps_;
  std::vector<unsigned char> proxy_;
};

// That of the machine, which may run another launch in between.
inline Hopper& hopper() {
  if (!machine.more) machine.more = std::make_shared<Hopper>();
  return *static_cast<Hopper*>(machine.more.get());
}

}  // namespace binmorph::cuda::emulate
