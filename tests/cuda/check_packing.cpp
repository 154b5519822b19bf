// pack, transpose, flatten, concat.
#include <cmath>
#include <memory>

#include "device_kernels.h"
#include "device_testing.h"
#include "kernels/flatten/reference.cpp"
#include "kernels/pack/reference.cpp"
#include "kernels/transpose/reference.cpp"
#include "shape_testing.h"

namespace binmorph::cuda::testing {
namespace {

struct Shape {
  std::uint32_t images, channels, height, width;
  std::size_t pixels() const { return std::size_t{height} * width; }
  std::string text() const {
    return std::to_string(images) + "x" + std::to_string(channels) + "x" + std::to_string(height) + "x" +
           std::to_string(width);
  }
};

constexpr Shape kShapes[] = {{1, 1, 1, 1},   {2, 3, 5, 7},    {1, 64, 3, 2},  {3, 65, 2, 3}, {1, 63, 1, 64},
                             {2, 128, 2, 2}, {1, 130, 1, 65}, {2, 1, 9, 130}, {4, 10, 1, 1}};

// Rows [images * channels][height][words_for(width)] to [images][pixels][words_for(channels)], through
// planes.
std::vector<std::uint64_t> to_channels(const Shape& s, const std::vector<std::uint64_t>& rows) {
  const std::size_t words = words_for(s.channels), row_words = words_for(s.width);
  std::vector<std::uint64_t> result(s.images * s.pixels() * words);
  for (std::size_t i = 0; i < s.images; ++i)
    for (std::size_t y = 0; y < s.height; ++y)
      kernels::images_to_planes_u64_u64__reference(
          rows.data() + (i * s.channels * s.height + y) * row_words, s.channels, s.height * row_words,
          s.width, result.data() + (i * s.height + y) * s.width * words, words);
  return result;
}

void check_repack(const Shape& s) {
  const auto rows = random_rows(std::size_t{s.images} * s.channels * s.height, s.width);
  const auto channels = to_channels(s, rows);
  Array<std::uint64_t> a(rows), b(channels.size()), c(rows.size());
  RepackParams p{a.data(), b.data(), s.images, s.channels, s.height, s.width};
  launch(launch_rows_to_channels(p), rows_to_channels_u64_u64__cuda_simt, p);
  expect_equal("rows_to_channels " + s.text(), b, channels);
  p.src = b.data();
  p.dst = c.data();
  launch(launch_channels_to_rows(p), channels_to_rows_u64_u64__cuda_simt, p);
  expect_equal("channels_to_rows " + s.text(), c, rows);
}

// The caller's layout, and the layout of streams.
Strides planar(const Shape& s) { return {s.channels * s.pixels(), 1, s.pixels()}; }
Strides interleaved(const Shape& s) { return {s.channels * s.pixels(), s.channels, 1}; }

template <class T>
std::vector<T> interleave(const Shape& s, const std::vector<T>& values) {
  std::vector<T> result(values.size());
  for (std::size_t i = 0; i < s.images; ++i)
    for (std::size_t c = 0; c < s.channels; ++c)
      for (std::size_t at = 0; at < s.pixels(); ++at)
        result[(i * s.pixels() + at) * s.channels + c] = values[(i * s.channels + c) * s.pixels() + at];
  return result;
}

template <class T, class Reference>
void check_level_set(const Shape& s, std::uint32_t levels, void (*kernel)(PackParams), Reference reference) {
  std::vector<T> values(s.images * s.channels * s.pixels());
  for (T& v : values) v = static_cast<T>(below(256));
  if constexpr (std::is_same_v<T, float>) values[values.size() / 2] = std::nanf("");
  std::vector<float> thresholds(s.channels * levels);
  for (float& v : thresholds) v = static_cast<float>(below(512)) / 2;
  const Shape out{s.images, s.channels * levels, s.height, s.width};
  std::vector<std::uint64_t> rows(std::size_t{out.images} * out.channels * s.height * words_for(s.width));
  for (std::size_t i = 0; i < std::size_t{out.images} * out.channels; ++i)
    reference(values.data() + i / levels * s.pixels(), s.height, s.width, thresholds[i % out.channels],
              rows.data() + i * s.height * words_for(s.width));
  const auto want = to_channels(out, rows);
  for (const bool stream : {false, true}) {
    Array<T> src(stream ? interleave(s, values) : values);
    Array<float> table(thresholds);
    Array<std::uint64_t> dst(want.size());
    const PackParams p{src.data(), stream ? interleaved(s) : planar(s),
                       dst.data(), table.data(),
                       nullptr,    s.images,
                       s.pixels(), s.channels,
                       levels};
    launch(launch_pack(p), kernel, p);
    expect_equal("level_set " + s.text(), dst, want);
  }
}

// The reference for int32: as float32, exactly.
void level_set_i32(const std::int32_t* src, std::size_t rows, std::size_t width, float value,
                   std::uint64_t* dst) {
  const std::vector<float> values(src, src + rows * width);
  kernels::level_set_f32_u64__reference(values.data(), rows, width, value, dst);
}

template <class T, class Reference>
void check_pack_binary(const Shape& s, void (*kernel)(PackParams), Reference reference) {
  std::vector<T> values(s.images * s.channels * s.pixels());
  for (T& v : values) v = static_cast<T>(below(2));
  for (const std::size_t bad : {values.size(), values.size() / 2, std::size_t{0}}) {
    if (bad < values.size()) values[bad] = static_cast<T>(2);
    std::vector<std::uint64_t> rows(std::size_t{s.images} * s.channels * s.height * words_for(s.width));
    const bool binary =
        reference(values.data(), std::size_t{s.images} * s.channels * s.height, s.width, rows.data());
    Array<T> src(values);
    Array<std::uint64_t> dst(rows.size() == 0 ? 0 : s.images * s.pixels() * words_for(s.channels)),
        invalid(std::vector<std::uint64_t>{~std::uint64_t{0}});
    const PackParams p{src.data(), planar(s),  dst.data(), nullptr, invalid.data(),
                       s.images,   s.pixels(), s.channels, 1};
    launch(launch_pack(p), kernel, p);
    expect_equal("pack_binary's first bad value " + s.text(), invalid,
                 {bad < values.size() ? bad : ~std::uint64_t{0}});
    if (binary != (bad == values.size())) fail("pack_binary's reference took a bad value");
    if (binary) expect_equal("pack_binary " + s.text(), dst, to_channels(s, rows));
  }
}

void check_unpack(const Shape& s) {
  const auto rows = random_rows(std::size_t{s.images} * s.channels, s.pixels());
  std::vector<std::uint8_t> want(s.images * s.channels * s.pixels());
  kernels::unpack_u64_u8__reference(rows.data(), std::size_t{s.images} * s.channels, s.pixels(), false,
                                    want.data());
  const Shape flat{s.images, s.channels, 1, static_cast<std::uint32_t>(s.pixels())};
  Array<std::uint64_t> src(to_channels(flat, rows));
  Array<std::uint8_t> dst(want.size());
  const UnpackParams p{src.data(), dst.data(), s.images, s.pixels(), s.channels};
  launch(launch_unpack(p), unpack_u64_u8__cuda_simt, p);
  expect_equal("unpack " + s.text(), dst, want);

  const std::size_t bits = s.channels * s.pixels();
  std::vector<std::uint64_t> flattened(s.images * words_for(bits));
  for (std::size_t i = 0; i < s.images; ++i)
    kernels::flatten_u64_u64__reference(rows.data() + i * s.channels * words_for(s.pixels()), s.channels,
                                        s.pixels(), flattened.data() + i * words_for(bits));
  Array<std::uint64_t> features(flattened.size());
  const FlattenParams f{src.data(), features.data(), s.images, s.pixels(), s.channels};
  launch(launch_flatten_bits(f), flatten_u64_u64__cuda_simt, f);
  expect_equal("flatten " + s.text(), features, flattened);
}

void check_flatten_numbers(const Shape& s) {
  std::vector<std::uint32_t> values(s.images * s.channels * s.pixels());
  for (std::uint32_t& v : values) v = static_cast<std::uint32_t>(generator());
  Array<std::uint32_t> src(interleave(s, values)), dst(values.size());
  const FlattenParams p{src.data(), dst.data(), s.images, s.pixels(), s.channels};
  launch(launch_flatten_b32(p), flatten_b32_b32__cuda_simt, p);
  expect_equal("flatten numbers " + s.text(), dst, values);
}

template <class Source, class T>
void concatenate(const std::vector<std::uint32_t>& channels, const std::vector<Source>& sources,
                 Array<T>& dst, std::size_t pixels, LaunchShape (*shape)(const ConcatParams&),
                 void (*kernel)(ConcatParams)) {
  auto next = sources.begin();
  for (ConcatParams& p : concat_launches(channels)) {
    for (std::uint32_t s = 0; s < p.sources; ++s) p.src[s] = (*next++)->data();
    p.dst = dst.data();
    p.pixels = pixels;
    launch(shape(p), kernel, p);
  }
}

void check_concat(const std::vector<std::uint32_t>& channels, std::size_t pixels) {
  std::size_t out_channels = 0;
  std::vector<std::unique_ptr<Array<std::uint64_t>>> words;
  std::vector<std::unique_ptr<Array<std::uint32_t>>> elements;
  for (const std::uint32_t c : channels) {
    words.push_back(std::make_unique<Array<std::uint64_t>>(random_rows(pixels, c)));
    out_channels += c;
    std::vector<std::uint32_t> values(pixels * c);
    for (std::uint32_t& v : values) v = static_cast<std::uint32_t>(generator());
    elements.push_back(std::make_unique<Array<std::uint32_t>>(values));
  }
  std::vector<std::uint64_t> want_bits(pixels * words_for(out_channels), 0);
  std::vector<std::uint32_t> want_numbers;
  for (std::size_t at = 0; at < pixels; ++at) {
    std::size_t to = 0;
    for (std::size_t s = 0; s < channels.size(); ++s) {
      for (std::size_t c = 0; c < channels[s]; ++c, ++to) {
        set_bit(want_bits.data() + at * words_for(out_channels), to,
                get_bit(words[s]->data() + at * words_for(channels[s]), c));
        want_numbers.push_back(elements[s]->data()[at * channels[s] + c]);
      }
    }
  }
  Array<std::uint64_t> dst_bits(want_bits.size());
  Array<std::uint32_t> dst_numbers(want_numbers.size());
  concatenate(channels, words, dst_bits, pixels, launch_concat_bits, concat_u64_u64__cuda_simt);
  expect_equal("concat bits", dst_bits, want_bits);
  concatenate(channels, elements, dst_numbers, pixels, launch_concat_b32, concat_b32_b32__cuda_simt);
  expect_equal("concat numbers", dst_numbers, want_numbers);
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main(int argc, char** argv) {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  std::vector<Shape> shapes(std::begin(kShapes), std::end(kShapes));
  if (const ShapeFile file(argc, argv); file)
    for (const std::uint32_t width : file.numbers("width")) {
      shapes.push_back({1, 1 + width % 3, 1 + width % 2, width});
      shapes.push_back({1, width, 1 + width % 2, 3});  // a pixel has as many
    }
  return run_all("packing", [&] {
    for (const Shape& s : shapes) {
      check_repack(s);
      for (const std::uint32_t levels : {1u, 3u}) {
        check_level_set<float>(s, levels, level_set_f32_u64__cuda_simt,
                               binmorph::kernels::level_set_f32_u64__reference);
        check_level_set<std::uint8_t>(s, levels, level_set_u8_u64__cuda_simt,
                                      binmorph::kernels::level_set_u8_u64__reference);
        check_level_set<std::int32_t>(s, levels, level_set_i32_u64__cuda_simt, level_set_i32);
      }
      check_pack_binary<float>(s, pack_binary_f32_u64__cuda_simt,
                               binmorph::kernels::pack_binary_f32_u64__reference);
      check_pack_binary<std::uint8_t>(s, pack_binary_u8_u64__cuda_simt,
                                      binmorph::kernels::pack_binary_u8_u64__reference);
      check_unpack(s);
      check_flatten_numbers(s);
    }
    check_concat({1}, 3);
    check_concat({64, 64}, 2);
    check_concat({3, 61, 1}, 5);
    check_concat({5, 130, 70, 1, 63}, 4);
    check_concat(std::vector<std::uint32_t>(2 * kConcatSources + 1, 5), 3);  // launches meet inside words
    check_concat(std::vector<std::uint32_t>(kConcatSources + 1, 64), 3);     // and between words
  });
}
