// threshold_dense and count_dense by warpgroup products.
#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/elementwise/reference.cpp"
#include "kernels/threshold_conv2d/cuda_dense.h"
#include "neuron_testing.h"
#include "program_testing.h"
#include "shape_testing.h"

namespace binmorph::cuda::testing {
namespace {

// Rows, inputs and outputs that fill tiles, slices and blocks, and that do not.
std::vector<ConvGeometry> dense_cases() {
  return {dense_geometry(1, 100, 1), dense_geometry(130, 1024, 30), dense_geometry(20, 4200, 70),
          dense_geometry(150, 380, 290), square(1, 1152, 5, 4, 40, 1, 1, 1, 0, 1, Border::valid)};
}

void check(const ConvGeometry& g, ConvForm form, std::uint32_t blocks) {
  Case c{g, form};
  // Dense layers have one class.
  std::fill(c.classes.row.begin(), c.classes.row.end(), 0);
  std::fill(c.classes.column.begin(), c.classes.column.end(), 0);
  c.want = reference(g, c.neurons, c.classes, c.x);
  const auto plan = plan_dense(g, form, blocks);
  if (!plan) return fail("no plan: " + describe(g));
  Array<std::uint64_t> x(c.x), y(c.want.bits.size());
  x.late();
  const BitWindows windows{g, x.data(), nullptr, nullptr, form, {nullptr, nullptr}};
  const auto pack = [&](const std::int32_t* threshold) {
    return pack_dense(g, form, *plan, c.neurons.plus.data(), c.neurons.minus.data(), threshold);
  };
  Array<unsigned char> packed(pack(c.neurons.threshold.data()));
  Array<std::uint32_t> invert(pack_invert(c.neurons.invert.data(), g.out_channels));
  const ThresholdDenseParams params{{windows, nullptr, invert.data(), y.data()}, *plan, packed.data()};
  launch(launch_dense(params), threshold_dense_u64_u64__cuda_wgmma, params);
  expect_equal(label_of("threshold_dense", g, form), y, c.want.bits);

  constexpr std::int32_t kFactor = 2;
  const auto constant = random_constants(g.out_channels);
  const auto values = c.values<std::int32_t>(constant, [](std::int32_t count, std::int32_t more, std::size_t,
                                                          std::size_t) { return kFactor * count + more; });
  Array<unsigned char> masks(pack(nullptr));
  ProgramCase program(g.out_channels, out_pixels(g));
  program.run_reference(values.data());
  Array<std::int32_t> table(pad_lanes(constant.data(), 1, g.out_channels, 0)), counts(values.size());
  const CountDenseParams numbers{
      {windows, table.data(), kFactor, counts.data(), program.device()}, *plan, masks.data()};
  launch(launch_dense(numbers), count_dense_u64_i32__cuda_wgmma, numbers);
  expect_equal(label_of("count_dense", g, form), counts, values);
  program.expect(label_of("count_dense's program", g, form));
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main(int argc, char** argv) {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  const ShapeFile shapes(argc, argv);
  return run_all("dense", [&] {
    for (const auto& [g, form] : shapes.neurons(dense_cases()))
      if (!shapes || plan_dense(g, form, 2)) check(g, form, 2);
  });
}
