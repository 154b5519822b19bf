// The network's input to bits: level sets, or {0, 1} values taken as they are.
#include <cstdio>

#include "binmorph/error.h"
#include "binmorph/step.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

template <class T>
[[noreturn]] void find_not_binary(const T* image, std::size_t size, std::size_t number) {
  std::size_t i = 0;
  while (i + 1 < size && (image[i] == T{0} || image[i] == T{1})) ++i;
  throw_not_binary(static_cast<double>(image[i]), i, number);
}

template <class T>
struct PackKernels;
template <>
struct PackKernels<float> {
  using LevelSet = kernels::LevelSetF32;
  using Binary = kernels::PackBinaryF32;
  static constexpr Move kLevelSet = Move::level_set_f32, kBinary = Move::pack_binary_f32;
};
template <>
struct PackKernels<std::uint8_t> {
  using LevelSet = kernels::LevelSetU8;
  using Binary = kernels::PackBinaryU8;
  static constexpr Move kLevelSet = Move::level_set_u8, kBinary = Move::pack_binary_u8;
};

template <class T>
class PackStep final : public Step {
 public:
  PackStep(const Node& node, const ValueType& in, Packing packing, const Target& target)
      : in_(in), layout_(target.layout) {
    const Isa isa = target.isa;
    if (const auto* op = std::get_if<LevelSets>(&node.operation)) {
      values_ = op->values;
      levels_ = op->levels;
      level_set_ = select_kernel<typename PackKernels<T>::LevelSet>(isa, *this);
    } else {
      binary_ = select_kernel<typename PackKernels<T>::Binary>(isa, *this);
    }
    // Planes are cut from images whose channels are dense runs of height x width bits.
    const bool dense = layout_ == Layout::planes || in.flat;
    rows_ = dense ? 1 : in.height;
    width_ = in.flat ? in.channels : dense ? in.height * in.width : in.width;
    channels_ = in.flat ? 1 : in.channels;
    const std::size_t planes = channels_ * per_channel();
    const std::size_t image_words = planes * rows_ * words_for(width_);
    cost =
        move_cost(binary_ != nullptr ? PackKernels<T>::kBinary : PackKernels<T>::kLevelSet, image_words, isa);
    if (layout_ == Layout::planes) {
      to_planes_ = select_kernel<kernels::ImagesToPlanes>(isa, *this);
      scratch_words = kBlockImages * image_words;
      cost = cost * kBlockImages + move_cost(Move::images_to_planes, image_words * kLaneWords, isa);
    }
    if (packing == Packing::channels && !dense) {
      writes = packing;
      scratch_words = image_words;
      repacker_.emplace(node.type, packing, isa);
      kernels.emplace_back(repacker_->kernel());
      cost += repacker_->cost();
    } else if (binary_ != nullptr && !dense) {
      from_channels_.emplace(node.type, Packing::rows, isa);
    }
  }

  void run(const StepInput& in, std::uint64_t* out, std::uint64_t* scratch) const override {
    const T* images = static_cast<const T*>(in.network.values);
    if (in.network.packed != nullptr) return take_packed(in.network, out);
    if (layout_ == Layout::rows) {
      if (!repacker_) return pack(images, out, in.network.first);
      pack(images, scratch, in.network.first);
      return repacker_->run(scratch, out);
    }
    const std::size_t plane_bits = width_, channel_words = words_for(width_);
    const std::size_t planes = channels_ * per_channel(), image_words = planes * channel_words;
    for (std::size_t i = 0; i < in.images; ++i)
      pack(images + i * in_.size(), scratch + i * image_words, in.network.first + i);
    for (std::size_t c = 0; c < planes; ++c)
      to_planes_(scratch + c * channel_words, in.images, image_words, plane_bits,
                 out + c * plane_bits * kLaneWords, kLaneWords);
  }

 private:
  std::size_t per_channel() const { return binary_ != nullptr ? 1 : levels_; }

  void pack(const T* image, std::uint64_t* dst, std::size_t number) const {
    const std::size_t channel_words = rows_ * words_for(width_);
    if (binary_ != nullptr) {
      if (!binary_(image, channels_ * rows_, width_, dst)) find_not_binary(image, in_.size(), number);
      return;
    }
    for (std::size_t c = 0; c < channels_; ++c)
      for (std::size_t i = 0; i < levels_; ++i)
        level_set_(image + c * rows_ * width_, rows_, width_, values_[c * levels_ + i],
                   dst + (c * levels_ + i) * channel_words);
  }

  void take_packed(const NetworkInput& input, std::uint64_t* dst) const {
    if (in_.flat || input.packing == Packing::rows) {
      check_tails(input, channels_ * rows_, width_, "row");
      if (repacker_) return repacker_->run(input.packed, dst);
      std::copy_n(input.packed, channels_ * rows_ * words_for(width_), dst);
      return;
    }
    const std::size_t pixels = rows_ * width_;
    check_tails(input, pixels, channels_, "pixel");
    if (repacker_)
      std::copy_n(input.packed, pixels * words_for(channels_), dst);
    else
      from_channels_->run(input.packed, dst);
  }

  static void check_tails(const NetworkInput& input, std::size_t runs, std::size_t bits, const char* what) {
    const std::size_t words = words_for(bits);
    for (std::size_t r = 0; r < runs && bits % 64 != 0; ++r)
      if (input.packed[(r + 1) * words - 1] & ~tail_mask(bits))
        throw Error(ErrorKind::format, "input[" + std::to_string(input.first) + "]: bits past the end of " +
                                           what + " " + std::to_string(r) + " are set");
  }

  ValueType in_;
  Layout layout_;
  std::vector<float> values_;
  std::size_t levels_ = 0, rows_ = 0, width_ = 0, channels_ = 0;
  typename PackKernels<T>::LevelSet* level_set_ = nullptr;
  typename PackKernels<T>::Binary* binary_ = nullptr;
  kernels::ImagesToPlanes* to_planes_ = nullptr;
  std::optional<Repacker> repacker_;       // where it writes channels
  std::optional<Repacker> from_channels_;  // where it writes rows: bits that come in channels
};

}  // namespace

void throw_not_binary(double value, std::size_t element, std::size_t image) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  throw Error(ErrorKind::domain,
              "input[" + std::to_string(image) + "]: element " + std::to_string(element) + " is " + text +
                  ", but this network reads only 0 and 1; threshold the image first, or export "
                  "the network with a LevelSets layer in front");
}

std::unique_ptr<Step> make_pack_step(const Node& node, const ValueType& in, Packing packing,
                                     const Target& target) {
  if (in.kind == ValueKind::uint8) return std::make_unique<PackStep<std::uint8_t>>(node, in, packing, target);
  return std::make_unique<PackStep<float>>(node, in, packing, target);
}

}  // namespace binmorph
