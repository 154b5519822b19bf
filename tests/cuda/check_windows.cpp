// threshold_conv2d, count_conv2d and two_value_conv2d, the plain kernels and those for tensor cores.
#include <cmath>

#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/elementwise/reference.cpp"
#include "neuron_testing.h"
#include "program_testing.h"
#include "shape_testing.h"

namespace binmorph::cuda::testing {
namespace {

struct Kernels {
  const char* name;
  PackedWindows (*pack)(const ConvGeometry&, const std::uint64_t*, const std::uint64_t*);
  LaunchShape (*shape)(const BitWindows&);
  void (*threshold)(ThresholdConv2dParams);
  void (*count)(CountConv2dParams);
  void (*two_value)(TwoValueConv2dParams);
};

constexpr Kernels kSimt{"simt",
                        pack_windows_simt,
                        launch_windows_simt,
                        threshold_conv2d_u64_u64__cuda_simt,
                        count_conv2d_u64_i32__cuda_simt,
                        two_value_conv2d_u64_f32__cuda_simt};
constexpr Kernels kMma{"mma",
                       pack_windows_mma,
                       launch_windows_mma,
                       threshold_conv2d_u64_u64__cuda_mma,
                       count_conv2d_u64_i32__cuda_mma,
                       two_value_conv2d_u64_f32__cuda_mma};

// x, masks and tables on the device.
struct OnDevice {
  PackedWindows packed;
  Array<std::uint64_t> x, plus, minus;
  ClassTables tables;
  OnDevice(const Kernels& k, const ConvGeometry& g, const std::vector<std::uint64_t>& values,
           const Neurons& n, const ClassCase& classes)
      : packed(k.pack(g, n.plus.data(), n.minus.data())),
        x(values),
        plus(packed.plus),
        minus(packed.minus),
        tables(classes) {
    x.late();
  }
  BitWindows windows(const ConvGeometry& g) {
    return {g, x.data(), plus.data(), minus.data(), packed.form, tables.params()};
  }
};

void check_threshold(const Kernels& k, const ConvGeometry& g, ConvForm form) {
  const ClassCase classes(g);
  const auto x = random_rows(std::size_t{g.images} * g.height * g.width, g.channels);
  const Neurons n = random_neurons(g, form, classes.count);
  const Expected want = reference(g, n, classes, x);
  const std::string label =
      std::string(k.name) + ", form " + std::to_string(static_cast<int>(form)) + ": " + describe(g);
  OnDevice device(k, g, x, n, classes);
  const LaunchShape shape = k.shape(device.windows(g));
  Array<std::int32_t> threshold(pad_lanes(n.threshold.data(), classes.count, g.out_channels, INT32_MAX));
  Array<std::uint32_t> invert(pack_invert(n.invert.data(), g.out_channels));
  Array<std::uint64_t> y(want.bits.size());
  launch(shape, k.threshold, {device.windows(g), threshold.data(), invert.data(), y.data()});
  expect_equal("threshold_conv2d " + label, y, want.bits);

  constexpr std::int32_t kFactor = 2;
  std::vector<std::int32_t> constant(classes.count * g.out_channels), values;
  for (std::int32_t& v : constant) v = static_cast<std::int32_t>(below(201)) - 100;
  for (std::size_t i = 0; i < want.counts.size(); ++i) {
    const auto pixel = static_cast<std::uint32_t>(i / g.out_channels);
    values.push_back(kFactor * want.counts[i] +
                     constant[classes.of(g, pixel) * g.out_channels + i % g.out_channels]);
  }
  ProgramCase program(g.out_channels, out_pixels(g));
  program.run_reference(values.data());
  Array<std::int32_t> table(pad_lanes(constant.data(), classes.count, g.out_channels, 0)),
      counts(values.size());
  launch(shape, k.count, {device.windows(g), table.data(), kFactor, counts.data(), program.device()});
  expect_equal("count_conv2d " + label, counts, values);
  program.expect("count_conv2d's program " + label);
  Array<std::int32_t> alone(values.size());
  launch(shape, k.count,
         {device.windows(g), table.data(), kFactor, alone.data(), Program{g.out_channels, 0, {}}});
  expect_equal("count_conv2d without a program " + label, alone, values);
}

void check_two_value(const Kernels& k, const ConvGeometry& g) {
  const ClassCase classes(g);
  const auto x = random_rows(std::size_t{g.images} * g.height * g.width, g.channels);
  Neurons n = random_neurons(g, ConvForm::mask, classes.count);
  const Expected p = reference(g, n, classes, x);
  Neurons ones = n;
  const std::size_t inputs = std::size_t{group_channels(g)} * taps(g);
  for (std::size_t i = 0; i < ones.plus.size(); ++i)
    ones.plus[i] = i % words_for(inputs) + 1 == words_for(inputs) ? tail_mask(inputs) : ~std::uint64_t{0};
  const Expected all = reference(g, ones, classes, x);
  constexpr std::int32_t kFactor = 2;
  std::vector<std::int32_t> constant(classes.count * g.out_channels), total(classes.count);
  for (std::int32_t& v : constant) v = static_cast<std::int32_t>(below(201)) - 100;
  for (std::int32_t& v : total) v = static_cast<std::int32_t>(below(201)) - 100;
  const auto difference = random_floats(g.out_channels), low = random_floats(g.out_channels);
  std::vector<float> values;
  for (std::size_t i = 0; i < p.counts.size(); ++i) {
    const std::size_t o = i % g.out_channels,
                      c = classes.of(g, static_cast<std::uint32_t>(i / g.out_channels));
    const auto sum = static_cast<float>(kFactor * p.counts[i] + constant[c * g.out_channels + o]);
    const float rest = low[o] * static_cast<float>(kFactor * all.counts[i] + total[c]);
    values.push_back(std::fma(difference[o], sum, rest));
  }
  OnDevice device(k, g, x, n, classes);
  ProgramCase program(g.out_channels, out_pixels(g));
  program.run_reference(values.data());
  Array<std::int32_t> table(pad_lanes(constant.data(), classes.count, g.out_channels, 0)), totals(total);
  Array<float> differences(pad_lanes(difference.data(), 1, g.out_channels, 0.0f)),
      lows(pad_lanes(low.data(), 1, g.out_channels, 0.0f)), y(values.size());
  launch(k.shape(device.windows(g)), k.two_value,
         {device.windows(g), table.data(), totals.data(), differences.data(), lows.data(), kFactor, y.data(),
          program.device()});
  const std::string label = std::string(k.name) + ": " + describe(g);
  expect_equal("two_value_conv2d " + label, y, values);
  program.expect("two_value_conv2d's program " + label);
}

}  // namespace
}  // namespace binmorph::cuda::testing

// With "mma": the tensor-core kernels only. Their instructions differ between builds, nothing else does.
int main(int argc, char** argv) {
  const bool mma_only = argc > 1 && std::string(argv[1]) == "mma";
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  const ShapeFile shapes(argc, argv, mma_only ? 2 : 1);
  return run_all("windows", [&] {
    for (const auto& [g, form] : shapes.neurons(window_cases()))
      for (const Kernels& k : {kSimt, kMma}) {
        if (k.shape == launch_windows_mma ? !mma_supports(g) : mma_only) continue;
        if (mma_only && form != ConvForm::ternary) continue;
        check_threshold(k, g, form);
        if (form == ConvForm::mask) check_two_value(k, g);
      }
  });
}
