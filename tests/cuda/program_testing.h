// A program with every kind of step, run by the reference and by whatever kernel ends in it.
#pragma once

#include "device_testing.h"
#include "kernels/elementwise/cuda_elementwise.h"
#include "kernels/threshold_conv2d/cuda_pack.h"

namespace binmorph::cuda::testing {

class ProgramCase {
 public:
  ProgramCase(std::uint32_t channels, std::size_t pixels)
      : channels_(channels),
        groups_(channels % 2 == 0 ? 2 : 1),
        pixels_(pixels),
        sums_(pixels * groups_),
        scale_(random_floats(channels)),
        shift_(random_floats(channels)),
        slope_(random_floats(channels)),
        values_(thresholds(channels)),
        added_(random_floats(pixels * channels)),
        scale_table_(pad_lanes(scale_.data(), 1, channels, 0.0f)),
        shift_table_(pad_lanes(shift_.data(), 1, channels, 0.0f)),
        slope_table_(pad_lanes(slope_.data(), 1, channels, 0.0f)),
        values_table_(pad_lanes(values_.data(), 1, channels, 0.0f)),
        added_stream_(added_),
        stored_stream_(pixels * channels),
        packed_stream_(pixels * words_for(channels)),
        sums_stream_(pixels * groups_) {
    for (std::size_t i = 0; i < sums_.size(); ++i)
      sums_stream_.data()[i] = sums_[i] = static_cast<std::int32_t>(below(201)) - 100;
  }

  Program device() {
    using kernels::ElementwiseOp;
    return {channels_,
            7,
            {{ElementwiseOp::affine, 0, 0, scale_table_.data(), shift_table_.data(), nullptr, 0},
             {ElementwiseOp::two_value, 0, 0, scale_table_.data(), shift_table_.data(), sums_stream_.data(),
              groups_},
             {ElementwiseOp::add, 0, 0, nullptr, nullptr, added_stream_.data(), 0},
             {ElementwiseOp::prelu, 0, 0, slope_table_.data(), nullptr, nullptr, 0},
             {ElementwiseOp::clamp, -30, 30, nullptr, nullptr, nullptr, 0},
             {ElementwiseOp::store, 0, 0, nullptr, nullptr, stored_stream_.data(), 0},
             {ElementwiseOp::pack, 0, 0, values_table_.data(), nullptr, packed_stream_.data(), 0}}};
  }

  void run_reference(const float* src) { run(src, kernels::elementwise_f32__reference); }
  void run_reference(const std::int32_t* src) { run(src, kernels::elementwise_i32__reference); }

  void expect(const std::string& label) {
    expect_equal(label + ", stored", stored_stream_, stored_);
    expect_equal(label + ", packed", packed_stream_, packed_);
    expect_equal(label + ", added", added_stream_, added_);
  }

 private:
  // Some lie exactly on the bounds of the clamp.
  static std::vector<float> thresholds(std::uint32_t channels) {
    auto values = random_floats(channels);
    for (std::size_t c = 0; c < channels; c += 3) values[c] = c % 2 == 0 ? 30.0f : -30.0f;
    return values;
  }

  template <class T, class Reference>
  void run(const T* src, Reference reference) {
    using kernels::ElementwiseOp;
    stored_.assign(pixels_ * channels_, 0);
    packed_.assign(pixels_ * words_for(channels_), 0);
    const kernels::ElementwiseStep steps[] = {
        {ElementwiseOp::affine, scale_.data(), shift_.data(), 0, 0, 0},
        {ElementwiseOp::two_value, scale_.data(), shift_.data(), 0, 0, 3, groups_},
        {ElementwiseOp::add, nullptr, nullptr, 0, 0, 0},
        {ElementwiseOp::prelu, slope_.data(), nullptr, 0, 0, 0},
        {ElementwiseOp::clamp, nullptr, nullptr, -30, 30, 0},
        {ElementwiseOp::store, nullptr, nullptr, 0, 0, 1},
        {ElementwiseOp::pack, values_.data(), nullptr, 0, 0, 2}};
    void* const streams[] = {added_.data(), stored_.data(), packed_.data(), sums_.data()};
    reference({channels_, steps, 7}, {0, pixels_, 0, words_for(channels_)}, src, channels_, streams);
  }

  std::uint32_t channels_, groups_;
  std::size_t pixels_;
  std::vector<std::int32_t> sums_;
  std::vector<float> scale_, shift_, slope_, values_, added_, stored_;
  std::vector<std::uint64_t> packed_;
  Array<float> scale_table_, shift_table_, slope_table_, values_table_, added_stream_, stored_stream_;
  Array<std::uint64_t> packed_stream_;
  Array<std::int32_t> sums_stream_;
};

}  // namespace binmorph::cuda::testing
