// Bindings of the kernels that read windows of an image.
#include <array>

#include "kernel_args.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;
using Image = std::array<std::size_t, 3>;  // channels, height, width
using Pair = std::array<std::size_t, 2>;

kernels::PoolShape pool_shape(const Image& shape, const Pair& kernel, const Pair& stride) {
  const kernels::PoolShape pool{shape[0], shape[1], shape[2], kernel[0], kernel[1], stride[0], stride[1]};
  if (kernel[0] == 0 || kernel[1] == 0 || stride[0] == 0 || stride[1] == 0)
    throw py::value_error("kernel_size and stride must be positive");
  if (kernel[0] > shape[1] || kernel[1] > shape[2])
    throw py::value_error("the pooling window is larger than the image");
  return pool;
}

py::array max_pool_rows(const std::string& kernel, const py::array& src, const Image& shape,
                        const Pair& kernel_size, const Pair& stride, Out out) {
  kernels::MaxPoolRows* run = find_kernel<kernels::MaxPoolRows>(kernel);
  const kernels::PoolShape pool = pool_shape(shape, kernel_size, stride);
  const std::uint64_t* from =
      input<std::uint64_t>(src, "src", product({shape[0], shape[1], words_for(shape[2])}));
  run(pool, from,
      output<std::uint64_t>(out, product({shape[0], pool.out_height(), words_for(pool.out_width())})));
  return *out;
}

py::array max_pool_planes(const std::string& kernel, const py::array& src, const Image& shape,
                          const Pair& kernel_size, const Pair& stride, std::size_t lane_words, Out out) {
  kernels::MaxPoolPlanes* run = find_kernel<kernels::MaxPoolPlanes>(kernel);
  const kernels::PoolShape pool = pool_shape(shape, kernel_size, stride);
  const std::uint64_t* from =
      input<std::uint64_t>(src, "src", product({shape[0], shape[1], shape[2], lane_words}));
  run(pool, lane_words, from,
      output<std::uint64_t>(out, product({shape[0], pool.out_height(), pool.out_width(), lane_words})));
  return *out;
}

kernels::Border border_from_name(const std::string& name) {
  if (name == "replicate") return kernels::Border::replicate;
  if (name == "zeros") return kernels::Border::zeros;
  if (name == "ones") return kernels::Border::ones;
  if (name == "valid") return kernels::Border::valid;
  throw py::value_error("unknown border '" + name + "'; known: replicate, zeros, ones, valid");
}

kernels::WindowShape window_shape(const Image& shape, const Pair& kernel, const std::string& border) {
  const kernels::WindowShape window{shape[0],  shape[1],  shape[2],
                                    kernel[0], kernel[1], border_from_name(border)};
  if (shape[1] == 0 || shape[2] == 0 || kernel[0] == 0 || kernel[1] == 0)
    throw py::value_error("the image and the window must not be empty");
  if (window.border == kernels::Border::valid && (kernel[0] > shape[1] || kernel[1] > shape[2]))
    throw py::value_error("the window is larger than the image");
  return window;
}

py::array window_rows(const std::string& kernel, const py::array& src, const Image& shape,
                      const Pair& kernel_size, const std::string& border, Out out) {
  kernels::WindowRows* run = find_kernel<kernels::WindowRows>(kernel);
  const kernels::WindowShape window = window_shape(shape, kernel_size, border);
  const std::uint64_t* from =
      input<std::uint64_t>(src, "src", product({shape[0], shape[1], words_for(shape[2])}));
  run(window, from,
      output<std::uint64_t>(
          out, product({shape[0], kernel_size[1], window.extended_height(), words_for(window.out_width())})));
  return *out;
}

py::array window_planes(const std::string& kernel, const py::array& src, const Image& shape,
                        const Pair& kernel_size, const std::string& border, std::size_t lane_words, Out out) {
  kernels::WindowPlanes* run = find_kernel<kernels::WindowPlanes>(kernel);
  const kernels::WindowShape window = window_shape(shape, kernel_size, border);
  const std::uint64_t* from =
      input<std::uint64_t>(src, "src", product({shape[0], shape[1], shape[2], lane_words}));
  run(window, lane_words, from,
      output<std::uint64_t>(
          out, product({shape[0], window.extended_height(), window.extended_width(), lane_words})));
  return *out;
}

}  // namespace

void bind_window_kernels(py::module_& m) {
  const auto none = py::none();
  m.def("max_pool_rows", &max_pool_rows, "kernel"_a, "src"_a, "shape"_a, "kernel_size"_a, "stride"_a,
        "out"_a = none);
  m.def("max_pool_planes", &max_pool_planes, "kernel"_a, "src"_a, "shape"_a, "kernel_size"_a, "stride"_a,
        "lane_words"_a, "out"_a = none);
  m.def("window_rows", &window_rows, "kernel"_a, "src"_a, "shape"_a, "kernel_size"_a, "border"_a,
        "out"_a = none);
  m.def("window_planes", &window_planes, "kernel"_a, "src"_a, "shape"_a, "kernel_size"_a, "border"_a,
        "lane_words"_a, "out"_a = none);
}

}  // namespace binmorph::python
