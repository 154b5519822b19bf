// Pooling and flattening.
#include "binmorph/step.h"

namespace binmorph {
namespace {

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const MaxPool& op, const ValueType& in, const Target& target)
      : shape_{in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.stride_h, op.stride_w} {
    if (target.layout == Layout::rows)
      rows_ = select_kernel<kernels::MaxPoolRows>(target.isa, *this);
    else
      planes_ = select_kernel<kernels::MaxPoolPlanes>(target.isa, *this);
    cost = static_cast<double>(value_words(in, target.layout)) / 2;
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    if (rows_ != nullptr) return rows_(shape_, in.value, out);
    planes_(shape_, kLaneWords, in.value, out);
  }

 private:
  kernels::PoolShape shape_;
  kernels::MaxPoolRows* rows_ = nullptr;
  kernels::MaxPoolPlanes* planes_ = nullptr;
};

class FlattenStep final : public Step {
 public:
  FlattenStep(const ValueType& in, const Target& target) : rows_(in.channels * in.height), width_(in.width) {
    // Planes lie in feature order already; so do rows that fill their words.
    alias = target.layout == Layout::planes || in.width % 64 == 0;
    if (!alias) flatten_ = select_kernel<kernels::Flatten>(target.isa, *this);
    cost = alias ? 0 : static_cast<double>(rows_) * 2;
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    flatten_(in.value, rows_, width_, out);
  }

 private:
  std::size_t rows_, width_;
  kernels::Flatten* flatten_ = nullptr;
};

}  // namespace

std::unique_ptr<Step> make_max_pool_step(const MaxPool& op, const ValueType& in, const Target& target) {
  return std::make_unique<MaxPoolStep>(op, in, target);
}

std::unique_ptr<Step> make_flatten_step(const ValueType& in, const Target& target) {
  return std::make_unique<FlattenStep>(in, target);
}

}  // namespace binmorph
