// Steps that read windows of bits, one lane per pixel or image: BiSEL and truth tables.
#include <algorithm>
#include <optional>

#include "binmorph/plane_program.h"
#include "binmorph/step.h"
#include "decision_program.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

// Clears the bits past the width of each row, which borders of ones and inversions may have set.
void clear_tails(std::uint64_t* rows, std::size_t count, std::size_t width) {
  const std::size_t words = words_for(width);
  const std::uint64_t mask = tail_mask(width);
  for (std::size_t r = 0; r < count; ++r) rows[r * words + words - 1] &= mask;
}

class WindowStep : public Step {
 public:
  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::uint64_t* src = in.value;
    if (window_rows_ != nullptr) window_rows_(window_, in.value, scratch);
    if (window_planes_ != nullptr) window_planes_(window_, kLaneWords, in.value, scratch);
    if (window_words_ != 0) src = scratch;
    if (decisions_)
      decide(in.pool, src, out, scratch + window_words_);
    else
      fire(in.pool, src, out, scratch + window_words_);
    if (layout_ == Layout::rows && window_.out_width() % 64 != 0)
      clear_tails(out, outputs_ * window_.out_height(), window_.out_width());
  }

 protected:
  WindowStep(const kernels::WindowShape& window, std::size_t outputs, const Target& target)
      : window_{window}, layout_(target.layout), isa_(target.isa), outputs_(outputs) {
    const std::size_t out_h = window_.out_height(), out_w = window_.out_width();
    const std::size_t ext_h = window_.extended_height(), ext_w = window_.extended_width();
    const bool pointwise = window_.kernel_h == 1 && window_.kernel_w == 1;  // reads its input where it lies
    if (layout_ == Layout::rows) {
      const std::size_t words = words_for(out_w);
      offset_ = [=, kernel_w = window_.kernel_w](std::size_t c, std::size_t i, std::size_t j) {
        return ((c * kernel_w + j) * ext_h + i) * words;
      };
      shape_ = {1, out_h * words, 0, out_h * words};
      window_words_ = pointwise ? 0 : window_.channels * window_.kernel_w * ext_h * words;
      if (!pointwise) window_rows_ = select_kernel<kernels::WindowRows>(isa_, *this);
    } else {
      offset_ = [=](std::size_t c, std::size_t i, std::size_t j) {
        return ((c * ext_h + i) * ext_w + j) * kLaneWords;
      };
      shape_ = {out_h, out_w * kLaneWords, ext_w * kLaneWords, out_h * out_w * kLaneWords};
      window_words_ = pointwise ? 0 : window_.channels * ext_h * ext_w * kLaneWords;
      if (!pointwise) window_planes_ = select_kernel<kernels::WindowPlanes>(isa_, *this);
    }
  }

  const TapOffset& offset() const { return offset_; }

  double cost_of(const PlaneProgramStorage& program) const {
    return plane_program_cost(program.view(), shape_, isa_, &program.same_as);
  }
  double cost_of(const DecisionProgramStorage& program) const {
    return decision_program_cost(program.view(), shape_, isa_);
  }

  void use(PlaneProgramStorage program, std::size_t threads) {
    planes_ = std::move(program);
    threshold_planes_ = select_kernel<kernels::ThresholdPlanes>(isa_, *this);
    finish(cost_of(planes_), kernels::threshold_planes_scratch_words(planes_.view()), threads);
  }
  void use(DecisionProgramStorage program, std::size_t threads) {
    decisions_ = std::move(program);
    decision_planes_ = select_kernel<kernels::DecisionPlanes>(isa_, *this);
    finish(cost_of(*decisions_), kernels::decision_scratch_words(decisions_->view()), threads);
  }

 private:
  void finish(double work, std::size_t piece_words, std::size_t threads) {
    piece_words_ = piece_words;
    scratch_words = window_words_ + piece_words * max_pieces(threads);
    const Move frame = window_rows_ == nullptr     ? Move::window_planes
                       : window_.out_width() <= 64 ? Move::window_rows
                                                   : Move::window_wide_rows;
    cost = work + move_cost(frame, window_words_, isa_);
  }

  void fire(ThreadPool* pool, const std::uint64_t* src, std::uint64_t* out, std::uint64_t* scratch) const {
    const kernels::PlaneProgram program = planes_.view();
    const std::vector<std::size_t>& same_as = planes_.same_as;
    split(pool, program.neuron_count, cost, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      for (std::size_t first = begin, last; first < end; first = last) {
        const bool again = same_as[first] != first;
        for (last = first + 1; last < end && (same_as[last] != last) == again;) ++last;
        if (!again) threshold_planes_(program, shape_, src, out, first, last, scratch + piece * piece_words_);
      }
    });
    for (std::size_t o = 0; o < same_as.size(); ++o)
      if (same_as[o] != o)
        std::copy_n(out + same_as[o] * shape_.dst_plane_pitch, shape_.dst_plane_pitch,
                    out + o * shape_.dst_plane_pitch);
  }

  // Outputs share decisions, so threads take rows, or words of the one row that there is.
  void decide(ThreadPool* pool, const std::uint64_t* src, std::uint64_t* out, std::uint64_t* scratch) const {
    const kernels::DecisionProgram program = decisions_->view();
    const kernels::PlaneShape& whole = shape_;
    constexpr std::size_t kBlock = kernels::kDecisionBlockWords;
    const bool by_row = whole.rows > 1;
    const std::size_t count = by_row ? whole.rows : (whole.row_words + kBlock - 1) / kBlock;
    split(pool, count, cost, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      kernels::PlaneShape part = whole;
      std::size_t from = begin * kBlock, to = from;
      if (by_row) {
        part.rows = end - begin;
        from = begin * whole.src_row_pitch;
        to = begin * whole.row_words;
      } else {
        part.row_words = std::min(end * kBlock, whole.row_words) - from;
      }
      decision_planes_(program, part, src + from, out + to, scratch + piece * piece_words_);
    });
  }

  kernels::WindowShape window_;
  Layout layout_;
  Isa isa_;
  std::size_t outputs_;
  TapOffset offset_;
  kernels::PlaneShape shape_{};
  PlaneProgramStorage planes_;
  std::optional<DecisionProgramStorage> decisions_;  // run in place of planes_
  std::size_t window_words_ = 0, piece_words_ = 0;
  kernels::ThresholdPlanes* threshold_planes_ = nullptr;
  kernels::DecisionPlanes* decision_planes_ = nullptr;
  kernels::WindowRows* window_rows_ = nullptr;
  kernels::WindowPlanes* window_planes_ = nullptr;
};

class BiselStep final : public WindowStep {
 public:
  BiselStep(const Bisel& op, const ValueType& in, const Target& target)
      : WindowStep({in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.border}, op.lui.count,
                   target) {
    PlaneProgramStorage planes = compile_bisel(op, in.channels, offset());
    // Decisions compute what several outputs need once; planes hold more of one neuron in registers.
    const double rival = cost_of(planes);
    auto decisions = compile_decisions(op, in.channels, offset(), 4 * planes.taps.size());
    if (decisions && cost_of(*decisions) < rival) {
      const double longer = rival - cost_of(*decisions);
      use(*std::move(decisions), target.threads);
      rivals.push_back({best_kernel<kernels::ThresholdPlanes>(target.isa).name, cost + longer});
    } else {
      use(std::move(planes), target.threads);
      if (decisions)
        rivals.push_back(
            {best_kernel<kernels::DecisionPlanes>(target.isa).name, cost + cost_of(*decisions) - rival});
    }
  }
};

class TruthTableStep final : public WindowStep {
 public:
  TruthTableStep(const TruthTable& op, const ValueType& in, const Target& target)
      : WindowStep({in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.border}, op.outputs,
                   target) {
    use(compile_decisions(op, offset()), target.threads);
  }
};

}  // namespace

std::unique_ptr<Step> make_bisel_step(const Bisel& op, const ValueType& in, const Target& target) {
  return std::make_unique<BiselStep>(op, in, target);
}

std::unique_ptr<Step> make_truth_table_step(const TruthTable& op, const ValueType& in, const Target& target) {
  return std::make_unique<TruthTableStep>(op, in, target);
}

}  // namespace binmorph
