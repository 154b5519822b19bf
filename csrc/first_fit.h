// Memory for values with lifetimes, for the plans of all devices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace binmorph {

// First fit: each value takes the lowest gap that is free from the step that writes it to the last that reads
// it.
class FirstFit {
 public:
  // Where `size` units may lie from step `first` to step `last`. Calls come in order of `first`.
  std::size_t place(std::size_t size, std::size_t first, std::size_t last) {
    if (size == 0) return 0;
    alive_.erase(std::remove_if(alive_.begin(), alive_.end(), [&](const Block& b) { return b.last < first; }),
                 alive_.end());
    std::size_t begin = 0;
    auto next = alive_.begin();
    for (; next != alive_.end() && begin + size > next->begin; ++next) begin = next->begin + next->size;
    alive_.insert(next, {begin, size, last});
    size_ = std::max(size_, begin + size);
    return begin;
  }
  std::size_t size() const { return size_; }

 private:
  struct Block {
    std::size_t begin, size, last;
  };
  std::vector<Block> alive_;  // by address
  std::size_t size_ = 0;
};

}  // namespace binmorph
