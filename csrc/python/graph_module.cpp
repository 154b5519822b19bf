// Graphs under construction: one add_... for each operation.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>

#include "bindings.h"
#include "binmorph/error.h"
#include "binmorph/graph.h"

namespace py = pybind11;
using namespace binmorph;

namespace {

// Exactly this dtype, C-contiguous; anything else is refused rather than converted.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

template <class T>
std::vector<T> to_vector(const Array<T>& array) {
  return std::vector<T>(array.data(), array.data() + array.size());
}

Neurons make_neurons(const Array<std::uint64_t>& plus, const Array<std::uint64_t>& minus,
                     const Array<std::int32_t>& threshold, const Array<std::uint8_t>& invert,
                     std::size_t inputs) {
  return {static_cast<std::size_t>(threshold.size()),
          inputs,
          to_vector(plus),
          to_vector(minus),
          to_vector(threshold),
          to_vector(invert)};
}

kernels::Border border_from_name(const std::string& name) {
  if (name == "replicate") return kernels::Border::replicate;
  if (name == "zeros") return kernels::Border::zeros;
  if (name == "ones") return kernels::Border::ones;
  if (name == "valid") return kernels::Border::valid;
  throw Error(ErrorKind::format, "border '" + name + "' is not replicate, zeros, ones or valid");
}

// Kernel, stride, dilation and padding as (height, width) each, then groups.
using Geometry = std::array<std::size_t, 9>;

Window window(const Geometry& g, const std::string& border) {
  return {g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], border_from_name(border)};
}

ValueKind kind_from_dtype(const std::string& name) {
  if (name == "float32") return ValueKind::float32;
  if (name == "uint8") return ValueKind::uint8;
  throw Error(ErrorKind::format, "input dtype '" + name + "' is not float32 or uint8");
}

void bind_bit_nodes(py::class_<Graph>& graph) {
  graph
      .def(
          "add_level_sets",
          [](Graph& g, const std::string& name, std::size_t input, const Array<float>& values,
             std::size_t levels) { return g.add(name, {input}, LevelSets{levels, to_vector(values)}); },
          py::arg("name"), py::arg("input"), py::arg("values").noconvert(), py::arg("levels"))
      .def(
          "add_pack_binary",
          [](Graph& g, const std::string& name, std::size_t input) {
            return g.add(name, {input}, PackBinary{});
          },
          py::arg("name"), py::arg("input"))
      .def(
          "add_bisel",
          [](Graph& g, const std::string& name, std::size_t input, std::size_t channels, std::size_t kernel_h,
             std::size_t kernel_w, const std::string& border, const Array<std::uint64_t>& bise_plus,
             const Array<std::uint64_t>& bise_minus, const Array<std::int32_t>& bise_threshold,
             const Array<std::uint8_t>& bise_invert, const Array<std::uint64_t>& lui_plus,
             const Array<std::uint64_t>& lui_minus, const Array<std::int32_t>& lui_threshold,
             const Array<std::uint8_t>& lui_invert) {
            std::size_t window = 0;
            if (__builtin_mul_overflow(kernel_h, kernel_w, &window))
              throw Error(ErrorKind::shape, "node '" + name + "': the window is too large");
            return g.add(name, {input},
                         Bisel{kernel_h, kernel_w, border_from_name(border),
                               make_neurons(bise_plus, bise_minus, bise_threshold, bise_invert, window),
                               make_neurons(lui_plus, lui_minus, lui_threshold, lui_invert, channels)});
          },
          py::arg("name"), py::arg("input"), py::arg("channels"), py::arg("kernel_h"), py::arg("kernel_w"),
          py::arg("border"), py::arg("bise_plus").noconvert(), py::arg("bise_minus").noconvert(),
          py::arg("bise_threshold").noconvert(), py::arg("bise_invert").noconvert(),
          py::arg("lui_plus").noconvert(), py::arg("lui_minus").noconvert(),
          py::arg("lui_threshold").noconvert(), py::arg("lui_invert").noconvert())
      .def(
          "add_truth_table",
          [](Graph& g, const std::string& name, std::size_t input, std::size_t kernel_h, std::size_t kernel_w,
             const std::string& border, std::size_t outputs, const Array<std::int32_t>& channels,
             const Array<std::uint64_t>& table) {
            const std::size_t reads = outputs == 0 ? 0 : static_cast<std::size_t>(channels.size()) / outputs;
            return g.add(name, {input},
                         TruthTable{kernel_h, kernel_w, border_from_name(border), outputs, reads,
                                    to_vector(channels), to_vector(table)});
          },
          py::arg("name"), py::arg("input"), py::arg("kernel_h"), py::arg("kernel_w"), py::arg("border"),
          py::arg("outputs"), py::arg("channels").noconvert(), py::arg("table").noconvert())
      .def(
          "add_threshold_conv2d",
          [](Graph& g, const std::string& name, std::size_t input, const Geometry& geometry,
             const std::string& border, std::size_t inputs, const Array<std::uint64_t>& plus,
             const Array<std::uint64_t>& minus, const Array<std::int32_t>& threshold,
             const Array<std::uint8_t>& invert, const Array<std::int32_t>& offset) {
            return g.add(
                name, {input},
                ThresholdConv2d{window(geometry, border),
                                make_neurons(plus, minus, threshold, invert, inputs), to_vector(offset)});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"), py::arg("border"), py::arg("inputs"),
          py::arg("plus").noconvert(), py::arg("minus").noconvert(), py::arg("threshold").noconvert(),
          py::arg("invert").noconvert(), py::arg("offset").noconvert(),
          "geometry: kernel, stride, dilation and padding as (height, width) each, then groups.")
      .def(
          "add_max_pool",
          [](Graph& g, const std::string& name, std::size_t input, const std::array<std::size_t, 6>& p) {
            return g.add(name, {input}, MaxPool{p[0], p[1], p[2], p[3], p[4], p[5]});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"),
          "geometry: kernel, stride and padding as (height, width) each.")
      .def(
          "add_flatten",
          [](Graph& g, const std::string& name, std::size_t input) {
            return g.add(name, {input}, Flatten{});
          },
          py::arg("name"), py::arg("input"))
      .def(
          "add_threshold_dense",
          [](Graph& g, const std::string& name, std::size_t input, std::size_t features,
             const Array<std::uint64_t>& plus, const Array<std::uint64_t>& minus,
             const Array<std::int32_t>& threshold, const Array<std::uint8_t>& invert) {
            return g.add(name, {input},
                         ThresholdDense{make_neurons(plus, minus, threshold, invert, features)});
          },
          py::arg("name"), py::arg("input"), py::arg("features"), py::arg("plus").noconvert(),
          py::arg("minus").noconvert(), py::arg("threshold").noconvert(), py::arg("invert").noconvert())
      .def(
          "add_linear",
          [](Graph& g, const std::string& name, std::size_t input, const Array<float>& weight,
             const Array<float>& bias) {
            return g.add(name, {input},
                         Linear{static_cast<std::size_t>(bias.size()), to_vector(weight), to_vector(bias)});
          },
          py::arg("name"), py::arg("input"), py::arg("weight").noconvert(), py::arg("bias").noconvert());
}

void bind_sum_nodes(py::class_<Graph>& graph) {
  graph
      .def(
          "add_count_conv2d",
          [](Graph& g, const std::string& name, std::size_t input, const Geometry& geometry,
             const std::string& border, std::int32_t factor, std::size_t inputs,
             const Array<std::uint64_t>& plus, const Array<std::uint64_t>& minus,
             const Array<std::int32_t>& constant) {
            return g.add(name, {input},
                         CountConv2d{window(geometry, border), factor, inputs, to_vector(plus),
                                     to_vector(minus), to_vector(constant)});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"), py::arg("border"), py::arg("factor"),
          py::arg("inputs"), py::arg("plus").noconvert(), py::arg("minus").noconvert(),
          py::arg("constant").noconvert())
      .def(
          "add_two_value_conv2d",
          [](Graph& g, const std::string& name, std::size_t input, const Geometry& geometry,
             const std::string& border, std::int32_t factor, std::size_t inputs,
             const Array<std::uint64_t>& plus, const Array<std::int32_t>& constant,
             const Array<std::int32_t>& total, const Array<float>& difference, const Array<float>& low) {
            return g.add(
                name, {input},
                TwoValueConv2d{window(geometry, border), factor, inputs, to_vector(plus), to_vector(constant),
                               to_vector(total), to_vector(difference), to_vector(low)});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"), py::arg("border"), py::arg("factor"),
          py::arg("inputs"), py::arg("plus").noconvert(), py::arg("constant").noconvert(),
          py::arg("total").noconvert(), py::arg("difference").noconvert(), py::arg("low").noconvert())
      .def(
          "add_pixel_conv2d",
          [](Graph& g, const std::string& name, std::size_t input, const Geometry& geometry,
             const Array<std::int8_t>& weight, const Array<std::int32_t>& constant) {
            return g.add(name, {input},
                         PixelConv2d{window(geometry, "zeros"), to_vector(weight), to_vector(constant)});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"), py::arg("weight").noconvert(),
          py::arg("constant").noconvert())
      .def(
          "add_conv2d",
          [](Graph& g, const std::string& name, std::size_t input, const Geometry& geometry,
             const Array<float>& weight, const Array<float>& bias) {
            return g.add(name, {input},
                         Conv2d{window(geometry, "zeros"), to_vector(weight), to_vector(bias)});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"), py::arg("weight").noconvert(),
          py::arg("bias").noconvert());
}

void bind_stream_nodes(py::class_<Graph>& graph) {
  graph
      .def(
          "add_affine",
          [](Graph& g, const std::string& name, std::size_t input, const Array<float>& scale,
             const Array<float>& shift) {
            return g.add(name, {input}, Affine{to_vector(scale), to_vector(shift)});
          },
          py::arg("name"), py::arg("input"), py::arg("scale").noconvert(), py::arg("shift").noconvert())
      .def(
          "add_add",
          [](Graph& g, const std::string& name, std::size_t input, std::size_t other) {
            return g.add(name, {input, other}, Add{});
          },
          py::arg("name"), py::arg("input"), py::arg("other"))
      .def(
          "add_prelu",
          [](Graph& g, const std::string& name, std::size_t input, const Array<float>& slope) {
            return g.add(name, {input}, PRelu{to_vector(slope)});
          },
          py::arg("name"), py::arg("input"), py::arg("slope").noconvert())
      .def(
          "add_clamp",
          [](Graph& g, const std::string& name, std::size_t input, float low, float high) {
            return g.add(name, {input}, Clamp{low, high});
          },
          py::arg("name"), py::arg("input"), py::arg("low"), py::arg("high"))
      .def(
          "add_avg_pool",
          [](Graph& g, const std::string& name, std::size_t input, const std::array<std::size_t, 4>& p) {
            return g.add(name, {input}, AvgPool{p[0], p[1], p[2], p[3]});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"),
          "geometry: kernel and stride as (height, width) each.")
      .def(
          "add_concat",
          [](Graph& g, const std::string& name, const std::vector<std::size_t>& inputs) {
            return g.add(name, inputs, Concat{});
          },
          py::arg("name"), py::arg("inputs"));
}

}  // namespace

void bind_graph(py::module_& m) {
  py::class_<Graph> graph(m, "Graph", "A graph under construction; every node is validated as it is added.");
  graph
      .def(py::init([](const std::string& dtype, const std::vector<std::size_t>& shape) {
             return Graph(kind_from_dtype(dtype), shape);
           }),
           py::arg("dtype"), py::arg("shape"))
      .def("set_output", &Graph::set_output, py::arg("value"));
  bind_bit_nodes(graph);
  bind_sum_nodes(graph);
  bind_stream_nodes(graph);
}
