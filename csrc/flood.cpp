#include "flood.h"

#include <algorithm>

#include "kernels/common/bits.h"

namespace binmorph {
namespace {

using Word = std::uint64_t;

// Words [low, high) of a row that something next to them changed.
struct Pending {
  std::size_t low = SIZE_MAX, high = 0;
  bool empty() const { return low >= high; }
  void add(std::size_t from, std::size_t to) {
    low = std::min(low, from);
    high = std::max(high, to);
  }
};

// The bits of `open` that runs of ones join to `seeds`, a subset: upwards by the carries of an addition,
// which break off at the run's end; downwards by doubling.
Word fill_up(Word seeds, Word open) { return (open & ~(open + seeds)) | seeds; }

Word fill_down(Word seeds, Word open) {
  for (unsigned shift = 1; shift < 64; shift *= 2) {
    seeds |= open & (seeds >> shift);
    open &= open >> shift;
  }
  return seeds;
}

class Flood {
 public:
  Flood(const FloodElement& element, std::size_t height, std::size_t width, bool border, const Word* mask,
        Word* image)
      : element_(element),
        height_(height),
        words_(words_for(width)),
        tail_(tail_mask(width)),
        outside_(border ? ~Word{0} : 0),
        mask_(mask),
        image_(image),
        pending_(height) {
    for (Pending& p : pending_) p.add(0, words_);
  }

  // Every row with something pending, in one direction; false if there was none.
  bool sweep(bool down) {
    bool any = false;
    for (std::size_t i = 0; i < height_; ++i) {
      const std::size_t y = down ? i : height_ - 1 - i;
      if (pending_[y].empty()) continue;
      any = true;
      visit(y);
    }
    return any;
  }

 private:
  // Rows and words outside the image are border, which y or w below 0 (wrapped) are, too.
  Word read(std::size_t y, std::size_t w) const {
    if (y >= height_ || w >= words_) return outside_;
    const Word word = image_[y * words_ + w];
    return w + 1 == words_ ? word | (outside_ & ~tail_) : word;
  }
  Word from_left(std::size_t y, std::size_t w) const { return read(y, w) << 1 | read(y, w - 1) >> 63; }
  Word from_right(std::size_t y, std::size_t w) const { return read(y, w) >> 1 | read(y, w + 1) << 63; }

  Word open(std::size_t y, std::size_t w) const {
    const Word word = mask_ == nullptr ? ~Word{0} : mask_[y * words_ + w];
    return w + 1 == words_ ? word & tail_ : word;
  }

  Word reached(std::size_t y, std::size_t w) const {
    Word bits = 0;
    for (int dy = -1; dy <= 1; ++dy) {
      const std::size_t row = y + static_cast<std::size_t>(dy);
      if (element_.reads(dy, -1)) bits |= from_left(row, w);
      if (element_.reads(dy, 0)) bits |= read(row, w);
      if (element_.reads(dy, 1)) bits |= from_right(row, w);
    }
    return bits;
  }

  bool set(std::size_t y, std::size_t w, Word bits, Pending& changed) {
    Word& word = image_[y * words_ + w];
    if ((bits & ~word) == 0) return false;
    word |= bits;
    changed.add(w, w + 1);
    return true;
  }

  void visit(std::size_t y) {
    const Pending todo = pending_[y];
    pending_[y] = {};
    Pending changed;
    // To the right: a word that changed may go on in the next one.
    std::size_t high = std::min(todo.high, words_);
    for (std::size_t w = todo.low; w < high; ++w) {
      const Word may = open(y, w);
      Word bits = reached(y, w) & may;
      if (element_.reads(0, -1)) bits = fill_up(bits, may);
      if (set(y, w, bits, changed)) high = std::max(high, std::min(w + 2, words_));
    }
    if (element_.reads(0, 1)) {
      std::size_t low = todo.low;
      for (std::size_t w = high; w-- > low;) {
        const Word may = open(y, w);
        const Word bits = fill_down((read(y, w) | from_right(y, w)) & may, may);
        if (set(y, w, bits, changed) && w != 0) low = std::min(low, w - 1);
      }
    }
    if (changed.empty()) return;
    const std::size_t from = changed.low == 0 ? 0 : changed.low - 1, to = std::min(changed.high + 1, words_);
    if (y != 0) pending_[y - 1].add(from, to);
    if (y + 1 < height_) pending_[y + 1].add(from, to);
    // Points along the row without their opposite may have more to do here.
    if (element_.reads(0, 1) != element_.reads(0, -1)) pending_[y].add(from, to);
  }

  const FloodElement& element_;
  const std::size_t height_, words_;
  const Word tail_, outside_;
  const Word* mask_;
  Word* image_;
  std::vector<Pending> pending_;
};

}  // namespace

std::optional<FloodElement> FloodElement::from(const kernels::SePoint* points, std::size_t count) {
  FloodElement element;
  for (std::size_t i = 0; i < count; ++i) {
    const auto [dy, dx] = points[i];
    if (dy < -1 || dy > 1 || dx < -1 || dx > 1) return std::nullopt;
    element.cells_[static_cast<std::size_t>(3 * (dy + 1) + dx + 1)] = true;
  }
  if (!element.reads(0, 0)) return std::nullopt;
  return element;
}

std::size_t flood(const FloodElement& element, std::size_t height, std::size_t width, bool border,
                  const Word* mask, Word* image, std::size_t limit) {
  Flood state(element, height, width, border, mask, image);
  for (std::size_t times = 1;; ++times)
    if (!state.sweep(times % 2 == 1) || times == limit) return times;
}

}  // namespace binmorph
