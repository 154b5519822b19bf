// The elements that everybody uses (3x3 and 5x5 box, cross, 5x5 disk), unrolled at compile time.
//
// The columns of these elements are folds of rows above and below, so each word of the vertical folds is made
// once and serves its own pixels and, shifted, the pixels to the left and right of them.
#pragma once

#include "kernels/morphology2d/walk.h"

namespace binmorph::kernels {
namespace {

template <class V, bool kDilate, SeSpecial kShape>
struct Small {
  using Raw = typename V::Raw;
  static constexpr bool kBox = kShape == SeSpecial::box3 || kShape == SeSpecial::box5;
  static constexpr int kReach = kShape == SeSpecial::disk5 || kShape == SeSpecial::box5 ? 2 : 1;
  static constexpr int kFolds = kBox ? 1 : kReach + 1;
  struct Folds {
    Raw fold[kFolds];  // [k]: of the column at distance k from the centre
    const Raw& at(int distance) const { return fold[kFolds == 1 ? 0 : distance]; }
    void fill(std::uint64_t word) {
      for (Raw& f : fold) f = V::fill(word);
    }
    void set(Raw bits) {
      for (Raw& f : fold) f = V::bit_or(f, bits);
    }
  };

  template <class Rows, class Load>
  void load(Folds& folds, Rows rows, const Load& load) const {
    const Raw middle = load(rows[kReach]);
    const Raw three = V::template fold3<kDilate>(load(rows[kReach - 1]), middle, load(rows[kReach + 1]));
    if constexpr (kShape == SeSpecial::box3) {
      folds.fold[0] = three;
    } else if constexpr (kShape == SeSpecial::box5) {
      folds.fold[0] = V::template fold3<kDilate>(load(rows[0]), three, load(rows[4]));
    } else if constexpr (kShape == SeSpecial::cross3) {
      folds.fold[0] = three;
      folds.fold[1] = middle;
    } else {
      folds.fold[0] = V::template fold3<kDilate>(load(rows[0]), three, load(rows[4]));
      folds.fold[1] = three;
      folds.fold[2] = middle;
    }
  }

  Raw result(const Folds& before, const Folds& here, const Folds& after) const {
    Raw acc = here.fold[0];
    for (int k = 1; k <= kReach; ++k) {
      const auto n = static_cast<std::uint64_t>(k);
      const Raw left = V::previous_words(before.at(k), here.at(k)),
                right = V::next_words(here.at(k), after.at(k));
      acc = V::template fold3<kDilate>(acc, V::shift_in_left(here.at(k), left, n),
                                       V::shift_in_right(here.at(k), right, n));
    }
    return acc;
  }
};

template <class V, bool kDilate>
inline bool run_small(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                      std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  const auto walk = [&](const auto& walker) {
    if (begin < end) walk_rows<V>(walker, program.top, program.reach, shape, src, dst, begin, end, scratch);
    return true;
  };
  switch (program.special) {
    case SeSpecial::box3:
      return walk(Small<V, kDilate, SeSpecial::box3>{});
    case SeSpecial::cross3:
      return walk(Small<V, kDilate, SeSpecial::cross3>{});
    case SeSpecial::disk5:
      return walk(Small<V, kDilate, SeSpecial::disk5>{});
    case SeSpecial::box5:
      return walk(Small<V, kDilate, SeSpecial::box5>{});
    case SeSpecial::none:
      break;
  }
  return false;
}

}  // namespace
}  // namespace binmorph::kernels
