// The float last layer over bits, in the stated order of summation.
#include "binmorph/step.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

class LinearStep final : public Step {
 public:
  LinearStep(const Linear& op, const ValueType& in, const Target& target)
      : bits_(in.size()),
        padded_((op.outputs + kernels::kLinearLanes - 1) / kernels::kLinearLanes * kernels::kLinearLanes) {
    blocks = true;
    linear_ = select_kernel<kernels::LinearBits>(target.isa, *this);
    bias_ = op.bias;
    bias_.resize(padded_, 0.0f);
    weight_.assign(bits_ * padded_, 0.0f);
    for (std::size_t o = 0; o < op.outputs; ++o)
      for (std::size_t k = 0; k < bits_; ++k) weight_[k * padded_ + o] = op.weight[o * bits_ + k];
    const std::size_t passes = padded_ / 64 + padded_ % 64 / kernels::kLinearLanes;
    cost = move_cost(Move::linear_bits, bits_ * passes, target.isa);
    if (target.layout == Layout::planes) {
      to_images_ = select_kernel<kernels::PlanesToImages>(target.isa, *this);
      scratch_words = kBlockImages * words_for(bits_);
      cost =
          cost * kBlockImages + move_cost(Move::planes_to_images, words_for(bits_) * kLaneWords, target.isa);
    }
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::size_t words = words_for(bits_);
    const std::uint64_t* images = in.value;
    if (to_images_ != nullptr) {
      to_images_(in.value, kLaneWords, bits_, scratch, in.images, words);
      images = scratch;
    }
    auto* y = reinterpret_cast<float*>(out);
    linear_(images, in.images, bits_, weight_.data(), bias_.data(), padded_, y);
  }

 private:
  std::size_t bits_, padded_;
  std::vector<float> weight_, bias_;
  kernels::LinearBits* linear_ = nullptr;
  kernels::PlanesToImages* to_images_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_linear_step(const Linear& op, const ValueType& in, const Target& target) {
  return std::make_unique<LinearStep>(op, in, target);
}

}  // namespace binmorph
