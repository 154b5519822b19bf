// Fully connected threshold neurons: rows of weights added up, or gates and counters over planes of images.
#include "binmorph/plane_program.h"
#include "binmorph/step.h"
#include "kernels/threshold_dense/pack.h"

namespace binmorph {
namespace {

class DenseRowsStep final : public Step {
 public:
  DenseRowsStep(const Neurons& n, const Target& target)
      : pack_(n.inputs, n.count, n.plus.data(), n.minus.data(), n.threshold.data(), n.invert.data()) {
    blocks = true;
    threshold_dense_ = select_kernel<kernels::ThresholdDense>(target.isa, *this);
    const kernels::DenseProgram program = pack_.program();
    piece_words_ = round_to_line(kernels::dense_scratch_words(program));
    scratch_words = piece_words_ * max_pieces(target.threads);
    // Vector operations for an input: a row of each column, and its place in the lists.
    constexpr double kPerRow[kIsaCount] = {512, 8, 2.4, 1.6}, kPerInput = 1.7;
    cost =
        static_cast<double>(program.column_rows()) *
        (kPerRow[static_cast<std::size_t>(target.isa)] * static_cast<double>(program.columns()) + kPerInput);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const kernels::DenseProgram program = pack_.program();
    split(in.pool, program.columns(), cost * static_cast<double>(in.images),
          [&](std::size_t piece, std::size_t begin, std::size_t end) {
            threshold_dense_(program, in.value, in.images, out, begin, end, scratch + piece * piece_words_);
          });
  }

 private:
  kernels::DensePack pack_;
  std::size_t piece_words_ = 0;
  kernels::ThresholdDense* threshold_dense_ = nullptr;
};

class DensePlanesStep final : public Step {
 public:
  DensePlanesStep(const Neurons& n, const Target& target) : program_(compile_dense(n, kLaneWords)) {
    threshold_planes_ = select_kernel<kernels::ThresholdPlanes>(target.isa, *this);
    cost = plane_program_cost(program_.view(), kShape, target.isa);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    const kernels::PlaneProgram program = program_.view();
    split(in.pool, program.neuron_count, cost, [&](std::size_t, std::size_t begin, std::size_t end) {
      threshold_planes_(program, kShape, in.value, out, begin, end, nullptr);  // one term each: no scratch
    });
  }

 private:
  static constexpr kernels::PlaneShape kShape{1, kLaneWords, 0, kLaneWords};
  PlaneProgramStorage program_;
  kernels::ThresholdPlanes* threshold_planes_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_dense_step(const ThresholdDense& op, const ValueType&, const Target& target) {
  if (target.layout == Layout::rows) return std::make_unique<DenseRowsStep>(op.neurons, target);
  return std::make_unique<DensePlanesStep>(op.neurons, target);
}

}  // namespace binmorph
