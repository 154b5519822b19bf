#include "binmorph/plane_program.h"
#include "binmorph/step.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

// Clears the bits past the width of each row, which borders of ones and inversions may have set.
void clear_tails(std::uint64_t* rows, std::size_t count, std::size_t width) {
  const std::size_t words = words_for(width);
  const std::uint64_t mask = tail_mask(width);
  for (std::size_t r = 0; r < count; ++r) rows[r * words + words - 1] &= mask;
}

class BiselStep final : public Step {
 public:
  BiselStep(const Bisel& op, const ValueType& in, const Target& target)
      : window_{in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.border},
        layout_(target.layout) {
    const Isa isa = target.isa;
    threshold_planes_ = select_kernel<kernels::ThresholdPlanes>(isa, *this);
    const std::size_t out_h = window_.out_height(), out_w = window_.out_width();
    const std::size_t ext_h = window_.extended_height(), ext_w = window_.extended_width();
    const bool pointwise = op.kernel_h == 1 && op.kernel_w == 1;  // reads its input where it lies
    if (layout_ == Layout::rows) {
      const std::size_t words = words_for(out_w);
      program_ = compile_bisel(op, in.channels, [&](std::size_t c, std::size_t i, std::size_t j) {
        return ((c * op.kernel_w + j) * ext_h + i) * words;
      });
      shape_ = {1, out_h * words, 0, out_h * words};
      window_words_ = pointwise ? 0 : in.channels * op.kernel_w * ext_h * words;
      if (!pointwise) window_rows_ = select_kernel<kernels::WindowRows>(isa, *this);
    } else {
      program_ = compile_bisel(op, in.channels, [&](std::size_t c, std::size_t i, std::size_t j) {
        return ((c * ext_h + i) * ext_w + j) * kLaneWords;
      });
      shape_ = {out_h, out_w * kLaneWords, ext_w * kLaneWords, out_h * out_w * kLaneWords};
      window_words_ = pointwise ? 0 : in.channels * ext_h * ext_w * kLaneWords;
      if (!pointwise) window_planes_ = select_kernel<kernels::WindowPlanes>(isa, *this);
    }
    piece_words_ = kernels::threshold_planes_scratch_words(program_.view());
    scratch_words = window_words_ + piece_words_ * max_pieces(target.threads);
    cost = plane_program_cost(program_.view(), shape_, isa) + static_cast<double>(window_words_) / 2;
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::uint64_t* src = in.value;
    if (window_rows_ != nullptr) window_rows_(window_, in.value, scratch);
    if (window_planes_ != nullptr) window_planes_(window_, kLaneWords, in.value, scratch);
    if (window_words_ != 0) src = scratch;
    const kernels::PlaneProgram program = program_.view();
    split(in.pool, program.neuron_count, cost, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      threshold_planes_(program, shape_, src, out, begin, end,
                        scratch + window_words_ + piece * piece_words_);
    });
    if (layout_ == Layout::rows && window_.out_width() % 64 != 0)
      clear_tails(out, program.neuron_count * window_.out_height(), window_.out_width());
  }

 private:
  kernels::WindowShape window_;
  Layout layout_;
  PlaneProgramStorage program_;
  kernels::PlaneShape shape_{};
  std::size_t window_words_ = 0, piece_words_ = 0;
  kernels::ThresholdPlanes* threshold_planes_ = nullptr;
  kernels::WindowRows* window_rows_ = nullptr;
  kernels::WindowPlanes* window_planes_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_bisel_step(const Bisel& op, const ValueType& in, const Target& target) {
  return std::make_unique<BiselStep>(op, in, target);
}

}  // namespace binmorph
