// Bindings of the kernels that move bits between layouts, and of the float layer.
#include "kernel_args.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;

template <class Fn, class T>
py::array level_set(const std::string& kernel, const py::array& src, std::size_t rows, std::size_t width,
                    float value, Out out) {
  Fn* run = find_kernel<Fn>(kernel);
  if (value != value) throw py::value_error("value must not be NaN");
  const T* from = input<T>(src, "src", product({rows, width}));
  run(from, rows, width, value, output<std::uint64_t>(out, product({rows, words_for(width)})));
  return *out;
}

template <class Fn, class T>
std::optional<py::array> pack_binary(const std::string& kernel, const py::array& src, std::size_t rows,
                                     std::size_t width, Out out) {
  Fn* run = find_kernel<Fn>(kernel);
  const T* from = input<T>(src, "src", product({rows, width}));
  if (!run(from, rows, width, output<std::uint64_t>(out, product({rows, words_for(width)}))))
    return std::nullopt;
  return *out;
}

py::array unpack(const std::string& kernel, const py::array& src, std::size_t rows, std::size_t width,
                 Out out, const std::optional<bool>& streams) {
  kernels::UnpackU8* run = find_kernel<kernels::UnpackU8>(kernel);
  const std::uint64_t* from = input<std::uint64_t>(src, "src", product({rows, words_for(width)}));
  const std::size_t bytes = product({rows, width});
  run(from, rows, width, streams.value_or(bytes >= kernels::kStreamedBytes),
      output<std::uint8_t>(out, bytes));
  return *out;
}

py::array flatten(const std::string& kernel, const py::array& src, std::size_t rows, std::size_t width,
                  Out out) {
  kernels::Flatten* run = find_kernel<kernels::Flatten>(kernel);
  const std::uint64_t* from = input<std::uint64_t>(src, "src", product({rows, words_for(width)}));
  run(from, rows, width, output<std::uint64_t>(out, words_for(product({rows, width}))));
  return *out;
}

// Words from the first word of the first image to the last word of the last one.
std::size_t image_extent(std::size_t count, std::size_t image_words, std::size_t bits) {
  if (words_for(bits) > image_words)
    throw py::value_error("image_words is too small for an image of that many bits");
  return count == 0 ? 0 : product({count, image_words}) - (image_words - words_for(bits));
}

void check_lanes(std::size_t count, std::size_t lane_words) {
  if (words_for(count) > lane_words) throw py::value_error("lane_words is too small for that many images");
}

py::array images_to_planes(const std::string& kernel, const py::array& images, std::size_t count,
                           std::size_t image_words, std::size_t bits, std::size_t lane_words, Out out) {
  kernels::ImagesToPlanes* run = find_kernel<kernels::ImagesToPlanes>(kernel);
  check_lanes(count, lane_words);
  const std::uint64_t* from = input<std::uint64_t>(images, "images", image_extent(count, image_words, bits));
  run(from, count, image_words, bits, output<std::uint64_t>(out, product({bits, lane_words})), lane_words);
  return *out;
}

py::array planes_to_images(const std::string& kernel, const py::array& planes, std::size_t lane_words,
                           std::size_t bits, std::size_t count, std::size_t image_words, Out out) {
  kernels::PlanesToImages* run = find_kernel<kernels::PlanesToImages>(kernel);
  check_lanes(count, lane_words);
  const std::uint64_t* from = input<std::uint64_t>(planes, "planes", product({bits, lane_words}));
  std::uint64_t* to = output<std::uint64_t>(out, image_extent(count, image_words, bits));
  run(from, lane_words, bits, to, count, image_words);
  return *out;
}

py::array linear(const std::string& kernel, const py::array& x, std::size_t bits, const py::array& weight,
                 const py::array& bias, Out out, std::size_t images) {
  kernels::LinearBits* run = find_kernel<kernels::LinearBits>(kernel);
  const std::size_t padded = static_cast<std::size_t>(bias.size());
  if (padded % kernels::kLinearLanes != 0)
    throw py::value_error("the outputs must be padded to a multiple of " +
                          std::to_string(kernels::kLinearLanes));
  const std::size_t words = words_for(bits);
  const std::uint64_t* from = input<std::uint64_t>(x, "x", product({images, words}));
  const float* w = input<float>(weight, "weight", product({bits, padded}));
  const float* b = input<float>(bias, "bias", padded);
  for (std::size_t i = 0; bits % 64 != 0 && i < images; ++i)
    if ((from[(i + 1) * words - 1] & ~tail_mask(bits)) != 0) throw py::value_error("x has bits past its end");
  run(from, images, bits, w, b, padded, output<float>(out, product({images, padded})));
  return *out;
}

}  // namespace

void bind_packing_kernels(py::module_& m) {
  const auto none = py::none();
  m.def("level_set_f32", &level_set<kernels::LevelSetF32, float>, "kernel"_a, "src"_a, "rows"_a, "width"_a,
        "value"_a, "out"_a = none);
  m.def("level_set_u8", &level_set<kernels::LevelSetU8, std::uint8_t>, "kernel"_a, "src"_a, "rows"_a,
        "width"_a, "value"_a, "out"_a = none);
  m.def("pack_binary_f32", &pack_binary<kernels::PackBinaryF32, float>, "kernel"_a, "src"_a, "rows"_a,
        "width"_a, "out"_a = none, "None when a value is neither 0 nor 1.");
  m.def("pack_binary_u8", &pack_binary<kernels::PackBinaryU8, std::uint8_t>, "kernel"_a, "src"_a, "rows"_a,
        "width"_a, "out"_a = none, "None when a value is neither 0 nor 1.");
  m.def("unpack_u8", &unpack, "kernel"_a, "src"_a, "rows"_a, "width"_a, "out"_a = none, "streams"_a = none,
        "streams: past the caches; by default if there are many bytes.");
  m.def("flatten", &flatten, "kernel"_a, "src"_a, "rows"_a, "width"_a, "out"_a = none);
  m.def("images_to_planes", &images_to_planes, "kernel"_a, "images"_a, "count"_a, "image_words"_a, "bits"_a,
        "lane_words"_a, "out"_a = none);
  m.def("planes_to_images", &planes_to_images, "kernel"_a, "planes"_a, "lane_words"_a, "bits"_a, "count"_a,
        "image_words"_a, "out"_a = none);
  m.def("linear_bits", &linear, "kernel"_a, "x"_a, "bits"_a, "weight"_a, "bias"_a, "out"_a = none,
        "images"_a = 1);
}

}  // namespace binmorph::python
