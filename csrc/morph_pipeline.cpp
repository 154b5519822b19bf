#include "morph_pipeline.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/bits.h"

namespace binmorph {
namespace {

std::size_t round_up(std::size_t words) { return (words + 7) / 8 * 8; }

}  // namespace

template <class Make>
const std::uint64_t* MorphWindow::advance(std::size_t low, std::size_t high, std::size_t& first,
                                          const Make& make) {
  if (low >= last_) {
    first_ = last_ = low;
  } else if (low > first_) {
    std::memmove(rows_, rows_ + (low - first_) * row_words_,
                 (last_ - low) * row_words_ * sizeof(std::uint64_t));
    first_ = low;
  }
  while (last_ < high) {
    const std::size_t end = std::min(high, last_ + capacity);
    make(last_, end, rows_ + (last_ - first_) * row_words_);
    last_ = end;
  }
  first = first_;
  return rows_;
}

MorphPipeline::MorphPipeline(const std::vector<MorphStage>& stages, const MorphImages& shape,
                             std::size_t band, bool packs, const MorphKernels& kernels)
    : stages_(stages),
      shape_(shape),
      packs_(packs),
      kernels_(kernels),
      row_words_(shape.row_words()),
      programs_(stages.size()),
      windows_(std::max<std::size_t>(stages.size(), 1)) {
  std::size_t capacity = std::min(band, shape.height);
  for (std::size_t s = stages.size(); s-- > 0;) {
    kernels::SeProgram& program = programs_[s];
    if (const RankPlan* rank = stages[s].rank) {
      program.top = rank->top();
      program.reach = rank->reach();
    } else {
      program = stages[s].plan->program();
    }
    // A masked stage also reads the row that it writes, which its element may not reach.
    const auto below = std::max<std::int64_t>(std::int64_t{program.top} + program.reach, 0);
    const std::int64_t above = std::min(program.top, 0);
    capacity = std::min(capacity + static_cast<std::size_t>(below - above), shape.height);
    windows_[s].capacity = capacity;
    if (s != 0 || packs) window_words_ += round_up(capacity * row_words_);
    const std::size_t scratch = stages[s].rank != nullptr
                                    ? stages[s].rank->scratch_words(row_words_)
                                    : kernels::morph_scratch_words(program, kernel_shape(s, 0));
    scratch_words_ = std::max(scratch_words_, scratch);
  }
  if (stages.empty() && packs) {
    windows_[0].capacity = capacity;
    window_words_ = round_up(capacity * row_words_);
  }
  scratch_words_ = round_up(scratch_words_);
}

void MorphPipeline::place(std::uint64_t* scratch, std::uint64_t* windows) {
  scratch_ = scratch;
  for (std::size_t s = packs_ ? 0 : 1; s < windows_.size(); ++s) {
    windows_[s].place(windows, row_words_);
    windows += round_up(windows_[s].capacity * row_words_);
  }
}

void MorphPipeline::start(const MorphSource& images, std::size_t image) {
  image_ = image;
  words_ = packs_ ? nullptr : images.words + image * shape_.image_words();
  bytes_ = packs_ ? images.bytes + image * shape_.height * shape_.row_bits : nullptr;
  for (MorphWindow& window : windows_) window.clear();
}

kernels::MorphShape MorphPipeline::kernel_shape(std::size_t stage, std::size_t first) const {
  return {shape_.height, shape_.row_bits, shape_.lanes, stages_[stage].dilate, stages_[stage].border, first};
}

// The first `count` stages.
void MorphPipeline::run_stage(std::size_t count, std::size_t begin, std::size_t end, std::uint64_t* dst) {
  std::size_t first = 0;
  if (count == 0) {
    const std::uint64_t* src = input_rows(0, begin, end, first);
    std::memcpy(dst, src + (begin - first) * row_words_, (end - begin) * row_words_ * sizeof(std::uint64_t));
    return;
  }
  const std::size_t s = count - 1;
  const kernels::SeProgram& program = programs_[s];
  const auto clip = [&](std::int64_t y) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(y, 0, static_cast<std::int64_t>(shape_.height)));
  };
  std::size_t low = clip(static_cast<std::int64_t>(begin) + program.top);
  std::size_t high = clip(static_cast<std::int64_t>(end) + program.top + program.reach);
  if (stages_[s].mask != nullptr) {
    low = std::min(low, begin);
    high = std::max(high, end);
  }
  const std::uint64_t* src = input_rows(s, low, high, first);
  if (const RankPlan* rank = stages_[s].rank) {
    rank->run(kernels_.count, kernel_shape(s, first), src, dst, begin, end, scratch_);
  } else {
    kernels_.morphology(program, kernel_shape(s, first), src, dst, begin, end, scratch_);
  }
  if (stages_[s].mask != nullptr)
    keep_unmasked(stages_[s].mask, src + (begin - first) * row_words_, begin, end, dst);
}

// Rows [low, high) of what a stage reads: of the stage before it, or of the image. `first`: the row at the
// returned address.
const std::uint64_t* MorphPipeline::input_rows(std::size_t stage, std::size_t low, std::size_t high,
                                               std::size_t& first) {
  if (stage != 0)
    return windows_[stage].advance(
        low, high, first,
        [&](std::size_t begin, std::size_t end, std::uint64_t* to) { run_stage(stage, begin, end, to); });
  if (!packs_) return words_;
  return windows_[0].advance(low, high, first, [&](std::size_t begin, std::size_t end, std::uint64_t* to) {
    kernels_.pack(bytes_ + begin * shape_.row_bits, end - begin, shape_.row_bits, 1.0F, to);
  });
}

void MorphPipeline::keep_unmasked(const std::uint64_t* mask, const std::uint64_t* src, std::size_t begin,
                                  std::size_t end, std::uint64_t* dst) const {
  mask += image_ * shape_.image_words() + begin * row_words_;
  const std::size_t words = (end - begin) * row_words_;
  for (std::size_t i = 0; i < words; ++i) dst[i] = src[i] ^ ((src[i] ^ dst[i]) & mask[i]);
}

}  // namespace binmorph
