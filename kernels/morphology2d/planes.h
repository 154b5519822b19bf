// The unrolled elements on bit planes, where a pixel is whole words: a walk along a few rows at once.
//
// Every column of the image is folded once and goes into all results that read it, which wait in registers
// until their last column has come: no result is stored twice, no fold at all.
#pragma once

#include "kernels/morphology2d/small.h"

namespace binmorph::kernels {
namespace {

template <SeSpecial kShape>
struct SpecialIs {
  static constexpr SeSpecial value = kShape;
};

constexpr std::size_t kPlanesBlock = 64;  // pixels of a row: the rows that are read stay in L1

// kWhole: planes have at least a vector of words.
template <class V, bool kDilate, SeSpecial kShape, std::size_t kRows, bool kWhole>
class PlaneWalk {
 public:
  PlaneWalk(const MorphShape& shape, const std::uint64_t* src, const std::uint64_t* border_row)
      : shape_(shape), src_(src), border_row_(border_row), words_(words_for(shape.row_bits)) {}

  void run(std::uint64_t* dst, std::size_t begin, std::size_t end) const {
    const std::size_t width = words_ / shape_.lanes;
    for (std::size_t lane = 0; lane < shape_.lanes; lane += V::words) {
      // Of planes of at least a vector the last one overlaps the one before.
      const std::size_t first = kWhole ? lesser(lane, shape_.lanes - V::words) : 0;
      for (std::size_t x = 0; x < width; x += kPlanesBlock)
        for (std::size_t y = begin; y < end; y += kRows) {
          const std::size_t row = lesser(y, end - kRows);
          run_block(row, x, lesser(x + kPlanesBlock, width), width, first,
                    dst + (row - begin) * words_ + first);
        }
    }
  }

 private:
  using Raw = typename V::Raw;
  using Element = Small<V, kDilate, kShape>;
  static constexpr std::size_t kReach = Element::kReach, kLines = kRows + 2 * kReach, kWaiting = 2 * kReach;

  void run_block(std::size_t y, std::size_t x, std::size_t stop, std::size_t width, std::size_t lane,
                 std::uint64_t* dst) const {
    const std::uint64_t* from[kLines];
    for (std::size_t r = 0; r < kLines; ++r) {
      const std::size_t row = y + r - kReach;  // wraps above the image
      from[r] = (row < shape_.height ? src_ + (row - shape_.src_first) * words_ : border_row_) + lane;
    }
    const Raw outside = V::fill(shape_.border ? ~std::uint64_t{0} : 0);
    Raw waiting[kRows][kWaiting];  // [i]: of the result i places after the next one
    for (auto& row : waiting)
      for (Raw& w : row) w = V::fill(kDilate ? 0 : ~std::uint64_t{0});
    Raw line[kLines], result[kRows];
    const auto add_column = [&] {
      for (std::size_t r = 0; r < kRows; ++r) {
        typename Element::Folds folds;
        Element{}.load(folds, line + r, [](Raw value) { return value; });
        result[r] = V::template fold<kDilate>(waiting[r][0], folds.at(kReach));
#pragma GCC unroll 8
        for (int i = 0; i + 1 < int{kWaiting}; ++i)
          waiting[r][i] = V::template fold<kDilate>(
              waiting[r][i + 1], folds.at(i < int{kReach} ? int{kReach} - 1 - i : i + 1 - int{kReach}));
        waiting[r][kWaiting - 1] = folds.at(kReach);
      }
    };
    const auto border_column = [&] {
      for (Raw& l : line) l = outside;
      add_column();
    };
    const auto image_column = [&](std::size_t place) {
      for (std::size_t r = 0; r < kLines; ++r) {
        const std::uint64_t* p = from[r] + place * shape_.lanes;
        line[r] = kWhole ? V::load(p) : V::load_some(p, shape_.lanes);
      }
      add_column();
    };
    const auto store = [&](std::size_t place) {
      for (std::size_t r = 0; r < kRows; ++r) {
        std::uint64_t* p = dst + r * words_ + place * shape_.lanes;
        kWhole ? V::store(p, result[r]) : V::store_some(p, result[r], shape_.lanes);
      }
    };
    const auto last = static_cast<std::ptrdiff_t>(stop + kReach);
    for (std::ptrdiff_t c = static_cast<std::ptrdiff_t>(x) - std::ptrdiff_t{kReach}; c < last; ++c) {
      const auto column = static_cast<std::size_t>(c);  // wraps left of the image
      column < width ? image_column(column) : border_column();
      if (c >= static_cast<std::ptrdiff_t>(x + kReach)) store(column - kReach);
    }
  }

  const MorphShape& shape_;
  const std::uint64_t* src_;
  const std::uint64_t* border_row_;
  const std::size_t words_;
};

template <class V, bool kDilate, SeSpecial kShape>
inline void walk_planes(const MorphShape& shape, const std::uint64_t* src, std::uint64_t* dst,
                        std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  constexpr std::size_t kRows = 2;
  for (std::size_t i = 0; i < words_for(shape.row_bits); ++i)
    scratch[i] = shape.border ? ~std::uint64_t{0} : 0;
  if (shape.lanes < V::words) {
    PlaneWalk<V, kDilate, kShape, 1, false>(shape, src, scratch).run(dst, begin, end);
  } else if (end - begin < kRows) {
    PlaneWalk<V, kDilate, kShape, 1, true>(shape, src, scratch).run(dst, begin, end);
  } else {
    PlaneWalk<V, kDilate, kShape, kRows, true>(shape, src, scratch).run(dst, begin, end);
  }
}

template <class V, bool kDilate>
inline bool run_planes(const SeProgram& program, const MorphShape& shape, const std::uint64_t* src,
                       std::uint64_t* dst, std::size_t begin, std::size_t end, std::uint64_t* scratch) {
  const auto walk = [&](auto kind) {
    if (begin < end) walk_planes<V, kDilate, decltype(kind)::value>(shape, src, dst, begin, end, scratch);
    return true;
  };
  switch (program.special) {
    case SeSpecial::box3:
      return walk(SpecialIs<SeSpecial::box3>{});
    case SeSpecial::cross3:
      return walk(SpecialIs<SeSpecial::cross3>{});
    case SeSpecial::disk5:
      return walk(SpecialIs<SeSpecial::disk5>{});
    case SeSpecial::box5:
      return walk(SpecialIs<SeSpecial::box5>{});
    case SeSpecial::none:
      break;
  }
  return false;
}

}  // namespace
}  // namespace binmorph::kernels
