// Memory for one call of image morphology, kept by each thread for its next call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace binmorph {

// Words aligned to cache lines, zero when new.
class MorphArena {
 public:
  std::uint64_t* take(std::size_t words) {
    if (words > words_) {
      storage_.reset(new std::uint64_t[words + 8]());
      words_ = words;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.get());
    return storage_.get() + (64 - address % 64) % 64 / 8;
  }
  void release() {
    if (words_ <= kKeptWords) return;
    storage_.reset();
    words_ = 0;
  }

 private:
  static constexpr std::size_t kKeptWords = 1 << 19;
  std::unique_ptr<std::uint64_t[]> storage_;
  std::size_t words_ = 0;
};

inline MorphArena& morph_arena() {
  thread_local MorphArena arena;
  return arena;
}

}  // namespace binmorph
