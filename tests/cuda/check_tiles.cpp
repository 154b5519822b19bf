// threshold_conv2d, count_conv2d and two_value_conv2d by warpgroup products.
#include <cmath>

#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/elementwise/reference.cpp"
#include "kernels/threshold_conv2d/cuda_tiles.h"
#include "neuron_testing.h"
#include "program_testing.h"
#include "shape_testing.h"

namespace binmorph::cuda::testing {
namespace {

constexpr std::uint32_t kSharedLimit = 227 << 10;

// The shapes of every convolution, and some whose tiles are more than one, or that fill them.
std::vector<ConvGeometry> tile_cases() {
  std::vector<ConvGeometry> cases = window_cases();
  cases.push_back(square(3, 64, 9, 11, 64, 3, 1, 1, 1, 1, Border::zeros));
  cases.push_back(square(6, 64, 9, 11, 64, 3, 1, 1, 1, 1, Border::zeros));  // long tiles
  cases.push_back(square(2, 20, 12, 12, 96, 3, 1, 1, 1, 1, Border::ones));
  cases.push_back(square(1, 128, 9, 9, 256, 3, 1, 1, 1, 1, Border::zeros));
  cases.push_back(square(1, 150, 8, 8, 320, 3, 2, 1, 1, 1, Border::replicate));
  cases.push_back(square(1, 390, 5, 6, 70, 3, 1, 1, 1, 1, Border::ones));
  cases.push_back(square(2, 48, 10, 10, 24, 5, 2, 2, 2, 1, Border::zeros));
  cases.push_back(square(2, 33, 7, 1, 10, 3, 1, 1, 2, 1, Border::ones));
  cases.push_back(square(140, 520, 1, 1, 70, 1, 1, 1, 0, 1, Border::zeros));
  cases.push_back(square(1, 64, 17, 15, 64, 1, 2, 1, 0, 1, Border::zeros));
  return cases;
}

struct OnDevice {
  Array<unsigned char> packed;
  Array<std::uint64_t> x;
  ClassTables tables;
  BitWindows windows;
  OnDevice(const ConvGeometry& g, ConvForm form, const TilePlan& plan, const Neurons& n,
           const std::int32_t* threshold, const std::vector<std::uint64_t>& values, const ClassCase& classes)
      : packed(pack_tiles(g, form, plan, n.plus.data(), n.minus.data(), threshold)),
        x(values),
        tables(classes),
        windows{g, x.data(), nullptr, nullptr, form, tables.params()} {
    x.late();
  }
};

void check_threshold(const Case& c, std::uint32_t blocks) {
  const ConvGeometry& g = c.g;
  const auto classes = static_cast<std::uint32_t>(c.classes.count);
  const auto plan = plan_tiles(g, c.form, classes, true, blocks, kSharedLimit);
  if (!plan) return fail("no plan: " + describe(g));
  OnDevice device(g, c.form, *plan, c.neurons, c.neurons.threshold.data(), c.x, c.classes);
  Array<std::uint32_t> invert(pack_invert(c.neurons.invert.data(), g.out_channels));
  Array<std::uint64_t> y(c.want.bits.size());
  const ThresholdTilesParams params{
      {device.windows, nullptr, invert.data(), y.data()}, *plan, device.packed.data()};
  launch(launch_tiles(params),
         plan->columns == 64    ? threshold_conv2d_u64_u64__cuda_wgmma_n64
         : plan->columns == 128 ? threshold_conv2d_u64_u64__cuda_wgmma_n128
                                : threshold_conv2d_u64_u64__cuda_wgmma_n256,
         params);
  expect_equal(label_of("threshold_conv2d", g, c.form), y, c.want.bits);
}

void check_count(const Case& c) {
  const ConvGeometry& g = c.g;
  const auto plan = plan_tiles(g, c.form, 1, false, 3, kSharedLimit);
  if (!plan) return fail("no plan: " + describe(g));
  constexpr std::int32_t kFactor = 2;
  const auto constant = random_constants(c.classes.count * g.out_channels);
  const auto values = c.values<std::int32_t>(constant, [](std::int32_t count, std::int32_t more, std::size_t,
                                                          std::size_t) { return kFactor * count + more; });
  OnDevice device(g, c.form, *plan, c.neurons, nullptr, c.x, c.classes);
  ProgramCase program(g.out_channels, out_pixels(g));
  program.run_reference(values.data());
  Array<std::int32_t> table(pad_lanes(constant.data(), c.classes.count, g.out_channels, 0)),
      counts(values.size());
  const CountTilesParams params{
      {device.windows, table.data(), kFactor, counts.data(), program.device()}, *plan, device.packed.data()};
  launch(launch_tiles(params), count_conv2d_u64_i32__cuda_wgmma, params);
  expect_equal(label_of("count_conv2d", g, c.form), counts, values);
  program.expect(label_of("count_conv2d's program", g, c.form));
}

void check_two_value(const Case& c) {
  const ConvGeometry& g = c.g;
  const auto plan = plan_tiles(g, c.form, 1, false, 3, kSharedLimit);
  if (!plan) return fail("no plan: " + describe(g));
  Neurons ones = c.neurons;
  const std::size_t inputs = std::size_t{g.channels} * taps(g), words = words_for(inputs);
  for (std::size_t i = 0; i < ones.plus.size(); ++i)
    ones.plus[i] = i % words + 1 == words ? tail_mask(inputs) : ~std::uint64_t{0};
  const Expected all = reference(g, ones, c.classes, c.x);
  constexpr std::int32_t kFactor = 2;
  const auto constant = random_constants(c.classes.count * g.out_channels),
             total = random_constants(c.classes.count);
  const auto difference = random_floats(g.out_channels), low = random_floats(g.out_channels);
  std::size_t i = 0;
  const auto values = c.values<float>(
      constant, [&](std::int32_t count, std::int32_t more, std::size_t o, std::size_t of_class) {
        const float rest = low[o] * static_cast<float>(kFactor * all.counts[i++] + total[of_class]);
        return std::fma(difference[o], static_cast<float>(kFactor * count + more), rest);
      });
  OnDevice device(g, c.form, *plan, c.neurons, nullptr, c.x, c.classes);
  Array<std::int32_t> table(pad_lanes(constant.data(), c.classes.count, g.out_channels, 0)), totals(total);
  Array<float> differences(pad_lanes(difference.data(), 1, g.out_channels, 0.0f)),
      lows(pad_lanes(low.data(), 1, g.out_channels, 0.0f)), y(values.size());
  const TwoValueTilesParams params{{device.windows, table.data(), totals.data(), differences.data(),
                                    lows.data(), kFactor, y.data(), Program{g.out_channels, 0, {}}},
                                   *plan,
                                   device.packed.data()};
  launch(launch_tiles(params), two_value_conv2d_u64_f32__cuda_wgmma, params);
  expect_equal(label_of("two_value_conv2d", g, c.form), y, values);
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main(int argc, char** argv) {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  const ShapeFile shapes(argc, argv);
  return run_all("tiles", [&] {
    for (const auto& [g, form] : shapes.neurons(tile_cases())) {
      if (g.groups != 1) continue;
      if (shapes &&
          (!plan_tiles(g, form, 6, true, 1, kSharedLimit) || !plan_tiles(g, form, 1, false, 3, kSharedLimit)))
        continue;  // masks that do not fit: other kernels run these
      const Case c{g, form};
      check_threshold(c, 1);
      check_threshold(c, 4);
      check_count(c);
      if (form == ConvForm::mask && g.channels < 128) check_two_value(c);
    }
  });
}
