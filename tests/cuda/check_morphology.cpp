// morphology2d, bitwise, complement, bisel and truth_table.
#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/bisel/cuda_pack.h"
#include "kernels/morphology2d/reference.cpp"
#include "shape_testing.h"

namespace binmorph::cuda::testing {
namespace {

using kernels::SePoint;

std::vector<std::uint64_t> ranks(const MorphologyParams& p, const std::vector<std::uint64_t>& x) {
  const std::size_t words = words_for(p.width);
  std::vector<std::uint64_t> result(x.size(), 0);
  for (std::size_t row = 0; row < std::size_t{p.images} * p.height; ++row)
    for (std::int64_t column = 0; column < p.width; ++column) {
      std::uint32_t count = 0;
      for (std::size_t i = 0; i < p.point_count; ++i) {
        const std::int64_t y = static_cast<std::int64_t>(row % p.height) + p.points[i].dy;
        const std::int64_t from = column + p.points[i].dx;
        const bool inside = y >= 0 && y < p.height && from >= 0 && from < p.width;
        const std::size_t at = row / p.height * p.height + static_cast<std::size_t>(y);
        count += inside ? get_bit(x.data() + at * words, static_cast<std::size_t>(from)) : p.border;
      }
      set_bit(result.data() + row * words, static_cast<std::size_t>(column), count >= p.rank);
    }
  return result;
}

std::vector<std::uint64_t> fold(const MorphologyParams& p, const std::vector<std::uint64_t>& x, bool dilate) {
  kernels::SeProgram program{};
  program.points = p.points;
  program.point_count = p.point_count;
  std::vector<std::uint64_t> result(x.size());
  const std::size_t image = p.height * words_for(p.width);
  for (std::size_t i = 0; i < p.images; ++i)
    kernels::morphology2d_u64_u64__reference(program, {p.height, p.width, 0, dilate, p.border, 0},
                                             x.data() + i * image, result.data() + i * image, 0, p.height,
                                             nullptr);
  return result;
}

void check_morphology(std::uint32_t images, std::uint32_t height, std::uint32_t width,
                      const std::vector<SePoint>& element, bool border) {
  auto x = random_rows(std::size_t{images} * height, width);
  for (std::uint64_t& w : x) w |= generator() & generator();  // erosions that leave something
  for (std::size_t r = 1; r <= std::size_t{images} * height; ++r)
    x[r * words_for(width) - 1] &= tail_mask(width);
  Array<std::uint64_t> src(x), dst(x.size());
  Array<SePoint> points(element);
  MorphologyParams p{src.data(), dst.data(), points.data(), static_cast<std::uint32_t>(element.size()),
                     1,          images,     height,        width,
                     border};
  const std::string label = std::to_string(width) + "x" + std::to_string(height) + ", " +
                            std::to_string(element.size()) + " points, border " + std::to_string(border);
  launch(launch_morphology2d(p), morphology2d_u64_u64__cuda_simt, p);
  expect_equal("dilation " + label, dst, fold(p, x, true));
  p.rank = p.point_count;
  launch(launch_morphology2d(p), morphology2d_u64_u64__cuda_simt, p);
  expect_equal("erosion " + label, dst, fold(p, x, false));
  Morphology3x3Params small{src.data(), dst.data(), images, height, width, 0, 0, false, border};
  bool fits = true;
  for (const SePoint& point : element) {
    fits = fits && std::abs(point.dy) <= 1 && std::abs(point.dx) <= 1;
    small.element |= fits ? 1u << (3 * (point.dy + 1) + point.dx + 1) : 0;
  }
  for (const bool dilate : {false, true}) {
    if (!fits) break;
    small.dilate = dilate;
    launch(launch_morphology3x3(small), morphology3x3_u64_u64__cuda_simt, small);
    expect_equal("3x3 " + label, dst, fold(p, x, dilate));
  }
  p.rank = (p.point_count + 1) / 2;
  launch(launch_morphology2d(p), morphology2d_u64_u64__cuda_simt, p);
  expect_equal("rank " + label, dst, ranks(p, x));
}

void check_words(std::uint32_t rows, std::uint32_t width) {
  const auto a = random_rows(rows, width), b = random_rows(rows, width);
  Array<std::uint64_t> first(a), second(b), dst(a.size());
  for (std::uint32_t op = 0; op < 4; ++op) {
    std::vector<std::uint64_t> want(a.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      want[i] = op == 0 ? a[i] & b[i] : op == 1 ? a[i] | b[i] : op == 2 ? a[i] ^ b[i] : a[i] & ~b[i];
    const BitwiseParams p{first.data(), second.data(), nullptr, dst.data(), a.size(), op};
    launch(launch_bitwise(p), bitwise_u64_u64__cuda_simt, p);
    expect_equal("bitwise " + std::to_string(op), dst, want);
  }
  std::vector<std::uint64_t> want(a.size());
  for (std::size_t i = 0; i < std::size_t{rows} * width; ++i)
    set_bit(want.data() + i / width * words_for(width), i % width,
            !get_bit(a.data() + i / width * words_for(width), i % width));
  const ComplementParams p{first.data(), dst.data(), rows, width};
  launch(launch_complement(p), complement_u64_u64__cuda_simt, p);
  expect_equal("complement", dst, want);
}

// Masks and thresholds of `count` neurons.
struct Neurons {
  std::vector<std::uint64_t> plus, minus;
  std::vector<std::int32_t> threshold;
  std::vector<std::uint8_t> invert;
  Neurons(std::size_t count, std::size_t inputs)
      : plus(random_rows(count, inputs)), minus(random_rows(count, inputs)) {
    for (std::size_t i = 0; i < plus.size(); ++i) minus[i] &= ~plus[i];
    for (std::size_t n = 0; n < count; ++n) {
      std::uint32_t high = 1, low = 0;
      for (std::size_t i = 0; i < inputs; ++i) {
        high += get_bit(plus.data() + n * words_for(inputs), i);
        low += get_bit(minus.data() + n * words_for(inputs), i);
      }
      threshold.push_back(static_cast<std::int32_t>(below(high + low + 1)) - static_cast<std::int32_t>(low));
      invert.push_back(static_cast<std::uint8_t>(below(2)));
    }
  }
  // The definition; bit(i): input i.
  template <class Bit>
  bool fires(std::size_t n, std::size_t inputs, Bit bit) const {
    std::int32_t count = 0;
    for (std::size_t i = 0; i < inputs; ++i)
      if (bit(i))
        count += static_cast<std::int32_t>(get_bit(plus.data() + n * words_for(inputs), i)) -
                 static_cast<std::int32_t>(get_bit(minus.data() + n * words_for(inputs), i));
    return (count >= threshold[n]) != (invert[n] != 0);
  }
};

void check_bisel(const ConvGeometry& g, bool wide = false) {
  const std::size_t window = taps(g), words = words_for(g.channels), out_words = words_for(g.out_channels);
  const auto x = random_rows(std::size_t{g.images} * g.height * g.width, g.channels);
  const Neurons bise(std::size_t{g.out_channels} * g.channels, window), lui(g.out_channels, g.channels);
  std::vector<std::uint64_t> want(out_pixels(g) * out_words, 0);
  std::vector<std::int64_t> taps_at(window);
  for (std::uint32_t pixel = 0; pixel < out_pixels(g); ++pixel) {
    for_each_tap(g, pixel, [&](std::size_t tap, std::int64_t at) { taps_at[tap] = at; });
    for (std::size_t o = 0; o < g.out_channels; ++o)
      set_bit(want.data() + pixel * out_words, o, lui.fires(o, g.channels, [&](std::size_t c) {
        return bise.fires(o * g.channels + c, window, [&](std::size_t tap) {
          const std::int64_t at = taps_at[tap];
          return at < 0 ? g.border == kernels::Border::ones
                        : get_bit(x.data() + static_cast<std::size_t>(at) * words, c);
        });
      }));
  }
  const PackedBisel packed =
      pack_bisel(g, {bise.plus.data(), bise.minus.data(), bise.threshold.data(), bise.invert.data(),
                     lui.plus.data(), lui.minus.data(), lui.threshold.data(), lui.invert.data()});
  Array<std::uint64_t> src(x), plus(packed.plus), minus(packed.minus), threshold(packed.threshold),
      invert(packed.invert), lui_plus(packed.lui_plus), lui_minus(packed.lui_minus), y(want.size());
  Array<std::int32_t> lui_threshold(packed.lui_threshold);
  Array<std::uint32_t> lui_invert(packed.lui_invert);
  const BiselParams p{g,
                      src.data(),
                      plus.data(),
                      minus.data(),
                      threshold.data(),
                      invert.data(),
                      lui_plus.data(),
                      lui_minus.data(),
                      lui_threshold.data(),
                      lui_invert.data(),
                      packed.planes,
                      y.data()};
  launch(launch_bisel(p), wide ? bisel_wide_u64_u64__cuda_simt : bisel_u64_u64__cuda_simt, p);
  expect_equal((wide ? "wide bisel " : "bisel ") + describe(g), y, want);
}

void check_truth_table(const ConvGeometry& g, std::uint32_t reads) {
  const std::size_t window = taps(g), words = words_for(g.channels), out_words = words_for(g.out_channels);
  const auto x = random_rows(std::size_t{g.images} * g.height * g.width, g.channels);
  const std::size_t entries = std::size_t{1} << reads * window;
  const auto tables = random_rows(g.out_channels, entries);
  std::vector<std::int32_t> channels(g.out_channels * reads);
  for (std::int32_t& c : channels) c = static_cast<std::int32_t>(below(g.channels));
  std::vector<std::uint64_t> want(out_pixels(g) * out_words, 0);
  for (std::uint32_t pixel = 0; pixel < out_pixels(g); ++pixel)
    for (std::size_t o = 0; o < g.out_channels; ++o) {
      std::size_t entry = 0;
      for_each_tap(g, pixel, [&](std::size_t tap, std::int64_t at) {
        for (std::size_t r = 0; r < reads; ++r) {
          const auto c = static_cast<std::size_t>(channels[o * reads + r]);
          const bool bit = at < 0 ? g.border == kernels::Border::ones
                                  : get_bit(x.data() + static_cast<std::size_t>(at) * words, c);
          entry |= std::size_t{bit} << (r * window + tap);
        }
      });
      set_bit(want.data() + pixel * out_words, o, get_bit(tables.data() + o * words_for(entries), entry));
    }
  Array<std::uint64_t> src(x), table(tables), y(want.size());
  Array<std::int32_t> read(channels);
  const TruthTableParams p{g, reads, src.data(), read.data(), table.data(), y.data()};
  launch(launch_truth_table(p), truth_table_u64_u64__cuda_simt, p);
  expect_equal("truth_table of " + std::to_string(reads) + " channels, " + describe(g), y, want);
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main(int argc, char** argv) {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  using binmorph::kernels::Border;
  const ShapeFile shapes(argc, argv);
  return run_all("morphology", [&] {
    const std::vector<SePoint> box = {{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 0},
                                      {0, 1},   {1, -1}, {1, 0},  {1, 1}};
    const std::vector<SePoint> cross = {{-1, 0}, {0, -1}, {0, 0}, {0, 1}, {1, 0}};
    const std::vector<SePoint> far = {{0, 0}, {-3, 65}, {2, -64}, {0, -70}, {5, 128}};
    std::vector<SePoint> line;
    for (int i = 0; i < 17; ++i) line.push_back({0, i - 8});
    for (const auto& element : {box, cross, far, line, std::vector<SePoint>{{0, 1}}})
      for (const bool border : {false, true})
        for (const std::uint32_t width : {1u, 5u, 63u, 64u, 65u, 127u, 130u, 192u, 250u, 255u, 256u})
          check_morphology(2, width % 2 == 0 ? 4 : 17, width, element, border);
    if (shapes) {
      const std::vector<SePoint> elements[] = {box, cross, far, line};
      for (const std::uint32_t width : shapes.numbers("width")) {
        for (const std::uint32_t height : {1u, 7u, 9u})
          check_morphology(1, height, width, elements[(width + height) % 4], width % 3 == 0);
        check_words(2, width);
        if (width > 257) continue;
        const auto border = static_cast<Border>(width % 3);
        check_bisel(square(1, width, 2, 3, 1 + width % 70, 3, 1, 1, 1, 1, border));
        check_truth_table(square(1, width, 2, 3, 1 + width, 2, 1, 1, 1, 1, border), 1 + width % 4);
      }
      return;
    }
    check_words(3, 1);
    check_words(5, 64);
    check_words(2, 130);
    for (const Border border : {Border::replicate, Border::zeros, Border::ones}) {
      check_bisel(square(2, 1, 5, 4, 3, 3, 1, 1, 1, 1, border));
      check_bisel(square(1, 65, 3, 3, 33, 3, 1, 1, 1, 1, border));
      check_bisel(square(1, 65, 3, 3, 33, 3, 1, 1, 1, 1, border), true);
      check_truth_table(square(2, 1, 5, 4, 3, 3, 1, 1, 1, 1, border), 1);
      check_truth_table(square(1, 65, 3, 3, 33, 2, 1, 1, 1, 1, border), 4);
      check_truth_table(square(1, 130, 17, 18, 70, 1, 1, 1, 0, 1, border), 3);
    }
    check_truth_table(square(1, 3, 5, 4, 65, 4, 1, 1, 0, 1, Border::valid), 1);
    check_truth_table(square(3, 64, 1, 1, 64, 1, 1, 1, 0, 1, Border::valid), 1);
    check_bisel(square(1, 3, 9, 8, 2, 7, 1, 1, 0, 1, Border::valid));
    check_bisel(square(1, 64, 2, 2, 64, 1, 1, 1, 0, 1, Border::valid));
    check_bisel(square(1, 2, 66, 65, 1, 65, 1, 1, 0, 1, Border::valid), true);  // 4225 taps
  });
}
