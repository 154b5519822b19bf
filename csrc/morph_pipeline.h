// Stages on bands of rows: what one thread does to one part of an image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "binmorph/morphology.h"
#include "kernels/registry.h"

namespace binmorph {

struct MorphKernels {
  kernels::Morphology2d* morphology;
  kernels::LevelSetU8* pack;
  kernels::UnpackU8* unpack;
  kernels::ThresholdPlanes* count;
};

// Rows [first, last) of an image or of a stage's result that are still read, moved up when the first are not.
class MorphWindow {
 public:
  std::size_t capacity = 0;  // rows

  void place(std::uint64_t* rows, std::size_t row_words) {
    rows_ = rows;
    row_words_ = row_words;
  }
  void clear() { first_ = last_ = 0; }

  // Makes the window hold rows [low, high), of which the first ones may be there already: make(begin, end,
  // to). `first` becomes the row at the returned address.
  template <class Make>
  const std::uint64_t* advance(std::size_t low, std::size_t high, std::size_t& first, const Make& make);

 private:
  std::uint64_t* rows_ = nullptr;
  std::size_t first_ = 0, last_ = 0, row_words_ = 0;
};

// All stages, the later ones following the first at a distance.
class MorphPipeline {
 public:
  // To be run on at most `band` rows at a time.
  MorphPipeline(const std::vector<MorphStage>& stages, const MorphImages& shape, std::size_t band, bool packs,
                const MorphKernels& kernels);

  std::size_t scratch_words() const { return scratch_words_; }  // may be shared with other pipelines
  std::size_t window_words() const { return window_words_; }
  void place(std::uint64_t* scratch, std::uint64_t* windows);

  void start(const MorphSource& images, std::size_t image);
  // Rows [begin, end) of the result; each call goes on where the last one ended.
  void run(std::size_t begin, std::size_t end, std::uint64_t* dst) {
    run_stage(stages_.size(), begin, end, dst);
  }

 private:
  kernels::MorphShape kernel_shape(std::size_t stage, std::size_t first) const;
  void run_stage(std::size_t count, std::size_t begin, std::size_t end, std::uint64_t* dst);
  const std::uint64_t* input_rows(std::size_t stage, std::size_t low, std::size_t high, std::size_t& first);
  void keep_unmasked(const std::uint64_t* mask, const std::uint64_t* src, std::size_t begin, std::size_t end,
                     std::uint64_t* dst) const;

  const std::vector<MorphStage>& stages_;
  const MorphImages& shape_;
  const bool packs_;
  const MorphKernels& kernels_;
  const std::size_t row_words_;
  std::vector<kernels::SeProgram> programs_;
  std::vector<MorphWindow> windows_;  // [s]: what stage s reads; [0] only if bytes are packed
  std::size_t scratch_words_ = 0, window_words_ = 0, image_ = 0;
  std::uint64_t* scratch_ = nullptr;
  const std::uint64_t* words_ = nullptr;
  const std::uint8_t* bytes_ = nullptr;
};

}  // namespace binmorph
