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
    cost = static_cast<double>(value_words(in, target.layout, packing)) / 2;
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

// Between rows and channels; a matrix of bits, channels x pixels, is transposed.
class RepackStep final : public Step {
 public:
  RepackStep(const ValueType& type, Packing to, const Target& target)
      : type_(type), pixels_(type.height * type.width), dense_(type.width % 64 == 0) {
    reads = to == Packing::rows ? Packing::channels : Packing::rows;
    writes = to;
    if (to == Packing::channels)
      to_channels_ = select_kernel<kernels::ImagesToPlanes>(target.isa, *this);
    else
      to_rows_ = select_kernel<kernels::PlanesToImages>(target.isa, *this);
    if (!dense_) flatten_ = select_kernel<kernels::Flatten>(target.isa, *this);
    scratch_words = dense_ ? 0 : type.channels * words_for(pixels_);
    cost = static_cast<double>(type.channels * words_for(pixels_)) * 8;
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const std::size_t channel_words = words_for(pixels_), pixel_words = words_for(type_.channels);
    const std::size_t row_words = words_for(type_.width);
    if (to_channels_ != nullptr) {
      for (std::size_t c = 0; c < type_.channels && !dense_; ++c)
        flatten_(in.value + c * type_.height * row_words, type_.height, type_.width,
                 scratch + c * channel_words);
      to_channels_(dense_ ? in.value : scratch, type_.channels, channel_words, pixels_, out, pixel_words);
      return;
    }
    std::uint64_t* images = dense_ ? out : scratch;
    to_rows_(in.value, pixel_words, pixels_, images, type_.channels, channel_words);
    for (std::size_t c = 0; c < type_.channels && !dense_; ++c)
      for (std::size_t y = 0; y < type_.height; ++y)
        unflatten(images + c * channel_words, y * type_.width, out + (c * type_.height + y) * row_words);
  }

 private:
  // One row: `width` bits from bit `from` on. Reads no word past the one that holds the last bit.
  void unflatten(const std::uint64_t* src, std::size_t from, std::uint64_t* row) const {
    const std::size_t last = (from + type_.width - 1) / 64, part = from % 64;
    for (std::size_t w = 0; w < words_for(type_.width); ++w) {
      const std::size_t at = from / 64 + w;
      row[w] = src[at] >> part;
      if (part != 0 && at < last) row[w] |= src[at + 1] << (64 - part);
    }
    row[words_for(type_.width) - 1] &= tail_mask(type_.width);
  }

  ValueType type_;
  std::size_t pixels_;
  bool dense_;  // a channel's rows are one run of bits
  kernels::ImagesToPlanes* to_channels_ = nullptr;
  kernels::PlanesToImages* to_rows_ = nullptr;
  kernels::Flatten* flatten_ = nullptr;
};

class FlattenStep final : public Step {
 public:
  FlattenStep(const ValueType& in, Packing packing, const Target& target)
      : rows_(in.channels * in.height), width_(in.width), channels_(in.channels) {
    reads = packing;
    if (packing == Packing::channels) {
      to_images_ = select_kernel<kernels::PlanesToImages>(target.isa, *this);
      rows_ = in.channels;
      width_ = in.height * in.width;
      scratch_words = rows_ * words_for(width_);
    }
    // Planes lie in feature order already; so do rows that fill their words.
    alias = packing == Packing::rows && (target.layout == Layout::planes || width_ % 64 == 0);
    if (!alias) flatten_ = select_kernel<kernels::Flatten>(target.isa, *this);
    cost = alias ? 0 : static_cast<double>(rows_ * words_for(width_)) * 2;
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
