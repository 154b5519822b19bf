// linear, elementwise, pools, convolutions of numbers.
#include <cmath>

#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/elementwise/reference.cpp"
#include "kernels/linear/reference.cpp"
#include "kernels/max_pool/reference.cpp"
#include "program_testing.h"
#include "shape_testing.h"
#include "window_testing.h"

namespace binmorph::cuda::testing {
namespace {

void check_linear(std::uint32_t images, std::uint32_t inputs, std::uint32_t outputs) {
  const std::uint32_t pitch = (outputs + 15) / 16 * 16;
  const auto bits = random_rows(images, inputs);
  auto weight = random_floats(std::size_t{inputs} * pitch), bias = random_floats(pitch);
  bias[0] = -0.0f;
  const auto x = random_floats(std::size_t{images} * inputs);
  std::vector<float> padded(pitch), from_bits, from_floats;
  for (std::size_t i = 0; i < images; ++i) {
    kernels::linear_bits_u64_f32__reference(bits.data() + i * words_for(inputs), 1, inputs, weight.data(),
                                            bias.data(), pitch, padded.data());
    from_bits.insert(from_bits.end(), padded.begin(), padded.begin() + outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      float sum = bias[o];
      for (std::size_t k = 0; k < inputs; ++k) sum = std::fma(weight[k * pitch + o], x[i * inputs + k], sum);
      from_floats.push_back(sum);
    }
  }
  Array<std::uint64_t> words(bits);
  Array<float> values(x), w(weight), b(bias), y(from_bits.size()), z(from_floats.size());
  LinearParams p{words.data(), w.data(), b.data(), y.data(), images, inputs, outputs, pitch};
  const std::string label = std::to_string(inputs) + " to " + std::to_string(outputs);
  launch(launch_linear(p), linear_u64_f32__cuda_simt, p);
  expect_equal("linear of bits " + label, y, from_bits);
  p.x = values.data();
  p.y = z.data();
  launch(launch_linear(p), linear_f32_f32__cuda_simt, p);
  expect_equal("linear " + label, z, from_floats);
}

void check_elementwise(std::uint32_t channels, std::size_t pixels) {
  const auto x = random_floats(pixels * channels);
  std::vector<std::int32_t> integers(x.size());
  for (std::int32_t& v : integers) v = static_cast<std::int32_t>(below(4001)) - 2000;
  Array<float> src(x);
  Array<std::int32_t> src_integers(integers);
  {
    ProgramCase program(channels, pixels);
    program.run_reference(x.data());
    const ElementwiseParams p{src.data(), pixels, program.device()};
    launch(launch_elementwise(p), elementwise_f32__cuda_simt, p);
    program.expect("elementwise of " + std::to_string(channels) + " channels");
  }
  ProgramCase program(channels, pixels);
  program.run_reference(integers.data());
  const ElementwiseParams p{src_integers.data(), pixels, program.device()};
  launch(launch_elementwise(p), elementwise_i32__cuda_simt, p);
  program.expect("elementwise of integers, " + std::to_string(channels) + " channels");
}

void check_pool(std::uint32_t channels, std::uint32_t height, std::uint32_t width, std::uint32_t kernel_h,
                std::uint32_t kernel_w, std::uint32_t stride_h, std::uint32_t stride_w, std::uint32_t top,
                std::uint32_t left) {
  const std::uint32_t images = 2;
  ConvGeometry g{images,
                 height,
                 width,
                 channels,
                 0,
                 0,
                 channels,
                 1,
                 kernel_h,
                 kernel_w,
                 stride_h,
                 stride_w,
                 1,
                 1,
                 static_cast<std::int32_t>(top),
                 static_cast<std::int32_t>(left),
                 kernels::Border::zeros};
  g.out_height = (height + 2 * top - kernel_h) / stride_h + 1;
  g.out_width = (width + 2 * left - kernel_w) / stride_w + 1;
  const std::string label = describe(g);
  std::vector<float> x = random_floats(std::size_t{images} * height * width * channels), most, mean;
  x[x.size() / 3] = std::nanf("");
  for (std::uint32_t pixel = 0; pixel < out_pixels(g); ++pixel)
    for (std::uint32_t c = 0; c < channels; ++c) {
      float best = 0, sum = 0;
      bool first = true;
      for_each_tap(g, pixel, [&](std::size_t, std::int64_t at) {
        if (at < 0) return;
        const float v = x[static_cast<std::size_t>(at) * channels + c];
        best = first || v > best || std::isnan(v) ? v : best;
        sum = first ? v : sum + v;
        first = false;
      });
      most.push_back(best);
      mean.push_back(sum / static_cast<float>(kernel_h * kernel_w));
    }
  Array<float> src(x), dst_most(most.size()), dst_mean(mean.size());
  PoolParams p{g, src.data(), dst_most.data()};
  launch(launch_pool_f32(p), max_pool_f32_f32__cuda_simt, p);
  expect_equal("max_pool of numbers " + label, dst_most, most);
  p.dst = dst_mean.data();
  launch(launch_pool_f32(p), avg_pool_f32_f32__cuda_simt, p);
  expect_equal("avg_pool " + label, dst_mean, mean);
  if (top + left != 0) return;
  const std::size_t words = words_for(channels);
  Array<std::uint64_t> bits(random_rows(std::size_t{images} * height * width, channels)),
      dst(out_pixels(g) * words);
  std::vector<std::uint64_t> want(dst.size());
  // Bit planes with channels for images: [channel = 1][height][width][words].
  for (std::size_t i = 0; i < images; ++i)
    kernels::max_pool_planes_u64_u64__reference({1, height, width, kernel_h, kernel_w, stride_h, stride_w},
                                                words, bits.data() + i * height * width * words,
                                                want.data() + i * g.out_height * g.out_width * words);
  p.src = bits.data();
  p.dst = dst.data();
  launch(launch_pool_bits(p), max_pool_u64_u64__cuda_simt, p);
  expect_equal("max_pool of bits " + label, dst, want);
}

// Offset of the value of channel c at pixel `at` of all images.
std::size_t place(const ConvGeometry& g, const Strides& s, std::size_t at, std::size_t c) {
  const std::size_t pixels = std::size_t{g.height} * g.width;
  return at / pixels * s.image + at % pixels * s.pixel + c * s.channel;
}

template <class T>
void check_conv2d(const ConvGeometry& g, bool planar, void (*kernel)(Conv2dParams)) {
  const std::size_t pixels = std::size_t{g.height} * g.width, inputs = group_channels(g) * taps(g);
  const Strides strides =
      planar ? Strides{g.channels * pixels, 1, pixels} : Strides{g.channels * pixels, g.channels, 1};
  std::vector<T> x(g.images * pixels * g.channels);
  for (T& v : x) v = static_cast<T>(below(256));
  const auto weight = random_floats(inputs * g.out_channels), bias = random_floats(g.out_channels);
  std::vector<float> want;
  for (std::uint32_t pixel = 0; pixel < out_pixels(g); ++pixel)
    for (std::uint32_t o = 0; o < g.out_channels; ++o) {
      const std::size_t first = o / (g.out_channels / g.groups) * group_channels(g);
      float acc = bias[o];
      for_each_tap(g, pixel, [&](std::size_t tap, std::int64_t at) {
        for (std::size_t c = 0; c < group_channels(g); ++c) {
          const float v =
              at < 0 ? 0.0f
                     : static_cast<float>(x[place(g, strides, static_cast<std::size_t>(at), first + c)]);
          acc = std::fma(weight[(tap * group_channels(g) + c) * g.out_channels + o], v, acc);
        }
      });
      want.push_back(acc);
    }
  Array<T> src(x);
  Array<float> w(pad_lanes(weight.data(), inputs, g.out_channels, 0.0f)),
      b(pad_lanes(bias.data(), 1, g.out_channels, 0.0f)), y(want.size());
  ProgramCase program(g.out_channels, out_pixels(g));
  program.run_reference(want.data());
  const Conv2dParams p{g, src.data(), strides, w.data(), b.data(), y.data(), program.device()};
  launch(launch_conv2d(g), kernel, p);
  expect_equal("conv2d " + describe(g), y, want);
  program.expect("conv2d's program " + describe(g));
}

void check_pixel_conv2d(const ConvGeometry& g) {
  const std::size_t pixels = std::size_t{g.height} * g.width, inputs = group_channels(g) * taps(g);
  const Strides strides{g.channels * pixels, 1, pixels};
  const ClassCase classes(g);
  std::vector<std::uint8_t> x(g.images * pixels * g.channels);
  for (std::uint8_t& v : x) v = static_cast<std::uint8_t>(below(256));
  std::vector<std::int8_t> weight(inputs * g.out_channels);
  for (std::int8_t& v : weight) v = static_cast<std::int8_t>(below(256));
  std::vector<std::int32_t> constant(classes.count * g.out_channels), want;
  for (std::int32_t& v : constant) v = static_cast<std::int32_t>(below(2001)) - 1000;
  for (std::uint32_t pixel = 0; pixel < out_pixels(g); ++pixel)
    for (std::uint32_t o = 0; o < g.out_channels; ++o) {
      const std::size_t first = o / (g.out_channels / g.groups) * group_channels(g);
      std::int32_t acc = constant[classes.of(g, pixel) * g.out_channels + o];
      for_each_tap(g, pixel, [&](std::size_t tap, std::int64_t at) {
        for (std::size_t c = 0; at >= 0 && c < group_channels(g); ++c)
          acc += weight[(tap * group_channels(g) + c) * g.out_channels + o] *
                 x[place(g, strides, static_cast<std::size_t>(at), first + c)];
      });
      want.push_back(acc);
    }
  Array<std::uint8_t> src(x);
  Array<std::int8_t> w(pad_lanes(weight.data(), inputs, g.out_channels, std::int8_t{0}));
  Array<std::int32_t> table(pad_lanes(constant.data(), classes.count, g.out_channels, 0)), y(want.size());
  ClassTables tables(classes);
  ProgramCase program(g.out_channels, out_pixels(g));
  program.run_reference(want.data());
  const PixelConv2dParams p{g,        src.data(),      strides, w.data(), table.data(), tables.params(),
                            y.data(), program.device()};
  launch(launch_conv2d(g), pixel_conv2d_u8_i32__cuda_simt, p);
  expect_equal("pixel_conv2d " + describe(g), y, want);
  program.expect("pixel_conv2d's program " + describe(g));
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main(int argc, char** argv) {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  const ShapeFile shapes(argc, argv);
  const auto convolutions = [](const ConvGeometry& g) {
    check_conv2d<float>(g, false, conv2d_f32_f32__cuda_simt);
    check_conv2d<std::uint8_t>(g, true, conv2d_u8_f32__cuda_simt);
    check_pixel_conv2d(g);
  };
  if (shapes)
    return run_all("numbers", [&] {
      for (const std::uint32_t width : shapes.numbers("width")) check_linear(2, width, 1 + width % 40);
      for (const std::uint32_t channels : shapes.numbers("channels")) check_elementwise(channels, 5);
      for (const auto& n : shapes.of("pool"))
        check_pool(n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8));
      for (const ConvGeometry& g : shapes.windows("sum")) convolutions(g);
    });
  return run_all("numbers", [&] {
    check_linear(1, 1, 1);
    check_linear(3, 64, 10);
    check_linear(2, 130, 33);
    for (const std::uint32_t channels : {1u, 31u, 32u, 33u, 64u, 100u, 192u}) check_elementwise(channels, 5);
    check_pool(1, 5, 7, 2, 2, 2, 2, 0, 0);
    check_pool(70, 6, 6, 3, 2, 1, 3, 0, 0);
    check_pool(65, 7, 5, 3, 3, 2, 2, 1, 1);
    check_pool(3, 4, 4, 4, 4, 1, 1, 0, 0);
    for (ConvGeometry g : window_cases()) {
      if (g.border != binmorph::kernels::Border::valid) g.border = binmorph::kernels::Border::zeros;
      if (group_channels(g) > 70) continue;
      convolutions(g);
    }
  });
}
