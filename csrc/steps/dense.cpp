// Fully connected threshold neurons: popcounts of one image's bits, or gates and counters over planes of
// images.
#include <cstring>

#include "binmorph/plane_program.h"
#include "binmorph/step.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

using kernels::kDenseGroup;

class DenseRowsStep final : public Step {
 public:
  DenseRowsStep(const Neurons& n, const Target& target)
      : words_(words_for(n.inputs)), groups_((n.count + kDenseGroup - 1) / kDenseGroup) {
    threshold_dense_ = select_kernel<kernels::ThresholdDense>(target.isa, *this);
    plus_ = interleave(n.plus, n.count);
    minus_ = interleave(n.minus, n.count);
    sign_ = all_signs(n);
    if (sign_ || std::all_of(minus_.begin(), minus_.end(), [](std::uint64_t w) { return w == 0; }))
      minus_ = {};
    threshold_.assign(groups_ * kDenseGroup, 1);  // the neurons that fill the last group never fire
    std::copy(n.threshold.begin(), n.threshold.end(), threshold_.begin());
    invert_.assign(groups_, 0);
    for (std::size_t o = 0; o < n.count; ++o)
      invert_[o / kDenseGroup] =
          static_cast<std::uint8_t>(invert_[o / kDenseGroup] | n.invert[o] << (o % kDenseGroup));
    out_words_ = words_for(n.count);
    // Vector operations for the eight masks of one word: and, popcount and add in each vector.
    constexpr double kPerGroupWord[kIsaCount] = {512, 64, 16, 3};
    cost = static_cast<double>(groups_ * words_ * (minus_.empty() ? 1 : 2)) *
           kPerGroupWord[static_cast<std::size_t>(target.isa)];
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    const kernels::DenseProgram program{plus_.data(),
                                        minus_.empty() ? nullptr : minus_.data(),
                                        threshold_.data(),
                                        invert_.data(),
                                        words_,
                                        groups_,
                                        sign_};
    out[out_words_ - 1] = 0;  // whole groups may not fill the last word
    auto* bytes = reinterpret_cast<std::uint8_t*>(out);
    split(in.pool, groups_, cost, [&](std::size_t, std::size_t begin, std::size_t end) {
      threshold_dense_(program, in.value, bytes, begin, end);
    });
  }

 private:
  static bool all_signs(const Neurons& n) {
    const std::size_t pitch = words_for(n.inputs);
    for (std::size_t i = 0; i < n.plus.size(); ++i) {
      const std::uint64_t inputs = i % pitch + 1 == pitch ? tail_mask(n.inputs) : ~std::uint64_t{0};
      if ((n.plus[i] | n.minus[i]) != inputs) return false;
    }
    return true;
  }

  std::vector<std::uint64_t> interleave(const std::vector<std::uint64_t>& masks, std::size_t count) const {
    std::vector<std::uint64_t> result(groups_ * words_ * kDenseGroup, 0);
    for (std::size_t o = 0; o < count; ++o)
      for (std::size_t w = 0; w < words_; ++w)
        result[(o / kDenseGroup * words_ + w) * kDenseGroup + o % kDenseGroup] = masks[o * words_ + w];
    return result;
  }

  std::size_t words_, groups_, out_words_;
  std::vector<std::uint64_t> plus_, minus_;
  std::vector<std::int64_t> threshold_;
  std::vector<std::uint8_t> invert_;
  bool sign_ = false;
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
