// Pooling, flattening, and changes of packing.
#include "binmorph/step.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const MaxPool& op, const ValueType& in, Packing packing, const Target& target)
      : shape_{in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.stride_h, op.stride_w},
        pixel_words_(kLaneWords) {
    reads = writes = packing;
    if (target.layout == Layout::rows && packing == Packing::rows) {
      rows_ = select_kernel<kernels::MaxPoolRows>(target.isa, *this);
    } else {
      planes_ = select_kernel<kernels::MaxPoolPlanes>(target.isa, *this);
      if (packing == Packing::channels) {  // one channel of pixels that are words_for(channels) words wide
        pixel_words_ = words_for(in.channels);
        shape_.channels = 1;
      }
    }
    const std::size_t pixels = shape_.channels * shape_.out_height() * shape_.out_width();
    const std::size_t rows = shape_.channels * shape_.out_height() * words_for(shape_.width);
    cost = rows_ != nullptr
               ? move_cost(Move::max_pool_rows, rows * (op.kernel_h + op.kernel_w), target.isa)
               : move_cost(Move::max_pool_planes,
                           pixels * op.kernel_h * op.kernel_w * ((pixel_words_ + 3) / 4), target.isa);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    if (rows_ != nullptr) return rows_(shape_, in.value, out);
    planes_(shape_, pixel_words_, in.value, out);
  }

 private:
  kernels::PoolShape shape_;
  std::size_t pixel_words_;
  kernels::MaxPoolRows* rows_ = nullptr;
  kernels::MaxPoolPlanes* planes_ = nullptr;
};

class RepackStep final : public Step {
 public:
  RepackStep(const ValueType& type, Packing to, const Target& target) : repacker_(type, to, target.isa) {
    kernels.emplace_back(repacker_.kernel());
    reads = to == Packing::rows ? Packing::channels : Packing::rows;
    writes = to;
    cost = repacker_.cost();
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t*) const override {
    repacker_.run(in.value, out);
  }

 private:
  Repacker repacker_;
};

class FlattenStep final : public Step {
 public:
  FlattenStep(const ValueType& in, Packing packing, const Target& target)
      : rows_(in.channels * in.height), width_(in.width), channels_(in.channels) {
    reads = packing;
    const bool pixel = packing == Packing::channels && in.height * in.width == 1;
    if (packing == Packing::channels && !pixel) {
      to_images_ = select_kernel<kernels::PlanesToImages>(target.isa, *this);
      rows_ = in.channels;
      width_ = in.height * in.width;
      scratch_words = rows_ * words_for(width_);
    }
    // Planes lie in feature order already; so do rows that fill their words, and the channels of one pixel.
    alias = pixel || (packing == Packing::rows && (target.layout == Layout::planes || width_ % 64 == 0));
    if (!alias) flatten_ = select_kernel<kernels::Flatten>(target.isa, *this);
    if (!alias) cost = move_cost(Move::flatten, rows_ * words_for(width_), target.isa);
    if (to_images_ != nullptr)
      cost += move_cost(Move::channels_to_rows, words_for(channels_) * words_for(width_), target.isa);
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::uint64_t* rows = in.value;
    if (to_images_ != nullptr) {
      to_images_(in.value, words_for(channels_), width_, scratch, channels_, words_for(width_));
      rows = scratch;
    }
    flatten_(rows, rows_, width_, out);
  }

 private:
  std::size_t rows_, width_, channels_;
  kernels::Flatten* flatten_ = nullptr;
  kernels::PlanesToImages* to_images_ = nullptr;
};

}  // namespace

Repacker::Repacker(const ValueType& type, Packing to, Isa isa) : type_(type), isa_(isa) {
  const auto& to_channels = best_kernel<kernels::ImagesToPlanes>(isa);
  const auto& to_rows = best_kernel<kernels::PlanesToImages>(isa);
  name_ = to == Packing::channels ? to_channels.name : to_rows.name;
  if (to == Packing::channels)
    to_channels_ = to_channels.run;
  else
    to_rows_ = to_rows.run;
}

double Repacker::cost() const {
  const std::size_t blocks = type_.height * words_for(type_.width) * words_for(type_.channels);
  return move_cost(to_channels_ != nullptr ? Move::rows_to_channels : Move::channels_to_rows, blocks, isa_);
}

void Repacker::run(const std::uint64_t* from, std::uint64_t* to) const {
  const std::size_t row_words = words_for(type_.width), pixel_words = words_for(type_.channels);
  const std::size_t channel_words = type_.height * row_words;
  for (std::size_t y = 0; y < type_.height; ++y) {
    const std::size_t row = y * row_words, pixel = y * type_.width * pixel_words;
    if (to_channels_ != nullptr)
      to_channels_(from + row, type_.channels, channel_words, type_.width, to + pixel, pixel_words);
    else
      to_rows_(from + pixel, pixel_words, type_.width, to + row, type_.channels, channel_words);
  }
}

std::unique_ptr<Step> make_max_pool_step(const MaxPool& op, const ValueType& in, Packing packing,
                                         const Target& target) {
  return std::make_unique<MaxPoolStep>(op, in, packing, target);
}

std::unique_ptr<Step> make_repack_step(const ValueType& type, Packing to, const Target& target) {
  return std::make_unique<RepackStep>(type, to, target);
}

std::unique_ptr<Step> make_flatten_step(const ValueType& in, Packing packing, const Target& target) {
  return std::make_unique<FlattenStep>(in, packing, target);
}

}  // namespace binmorph
