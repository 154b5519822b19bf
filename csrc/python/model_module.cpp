#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>

#include "bindings.h"
#include "binmorph/cpu.h"
#include "binmorph/error.h"
#include "binmorph/graph.h"
#include "binmorph/model.h"
#include "kernels/common/bits.h"

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

ValueKind kind_from_dtype(const std::string& name) {
  if (name == "float32") return ValueKind::float32;
  if (name == "uint8") return ValueKind::uint8;
  throw Error(ErrorKind::format, "input dtype '" + name + "' is not float32 or uint8");
}

std::vector<py::ssize_t> batch_shape(const ValueType& type, std::size_t images) {
  const auto size = [](std::size_t n) { return static_cast<py::ssize_t>(n); };
  if (type.flat) return {size(images), size(type.channels)};
  return {size(images), size(type.channels), size(type.height), size(type.width)};
}

py::array allocate(const ValueType& type, std::size_t images) {
  const auto shape = batch_shape(type, images);
  if (type.kind == ValueKind::float32) return py::array_t<float>(shape);
  return py::array(py::dtype("bool"), shape);
}

void check_memory(const py::array& x) {
  constexpr int kWanted = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((x.flags() & kWanted) != kWanted)
    throw Error(ErrorKind::shape, "input: must be C-contiguous and aligned");
}

std::size_t check_input(const Model& model, const py::array& x) {
  const ValueType& type = model.graph().type(0);
  const py::dtype wanted = type.kind == ValueKind::float32 ? py::dtype("float32") : py::dtype("uint8");
  if (!x.dtype().equal(wanted))
    throw Error(ErrorKind::dtype, "input: expected dtype " + py::str(wanted).cast<std::string>() + ", got " +
                                      py::str(x.dtype()).cast<std::string>());
  check_memory(x);
  const std::size_t images = x.ndim() > 0 ? static_cast<std::size_t>(x.shape(0)) : 0;
  const auto wanted_shape = batch_shape(type, images);
  if (x.ndim() == 0 || !std::equal(wanted_shape.begin(), wanted_shape.end(), x.shape(), x.shape() + x.ndim()))
    throw Error(
        ErrorKind::shape,
        "input: got shape " + py::str(x.attr("shape")).cast<std::string>() + ", expected (batch, " +
            std::to_string(type.channels) +
            (type.flat ? ")" : ", " + std::to_string(type.height) + ", " + std::to_string(type.width) + ")"));
  return images;
}

py::array run(const Model& model, const py::array& x) {
  const std::size_t images = check_input(model, x);
  py::array y = allocate(model.graph().type(model.graph().output()), images);
  const void* input = x.data();
  void* output = y.mutable_data();
  {
    const py::gil_scoped_release release;
    model.run(input, images, output);
  }
  return y;
}

// words: uint64 [images, ...], as many words per image as the network's input takes in rows.
py::array run_packed(const Model& model, const Array<std::uint64_t>& words) {
  const std::size_t images = words.ndim() > 0 ? static_cast<std::size_t>(words.shape(0)) : 0;
  if (static_cast<std::size_t>(words.size()) != images * model.input_words())
    throw Error(ErrorKind::shape, "packed input: got " + std::to_string(words.size()) + " words, expected " +
                                      std::to_string(images * model.input_words()));
  check_memory(words);
  const ValueType& type = model.graph().type(model.graph().output());
  auto shape = batch_shape(type, images);
  shape.back() = static_cast<py::ssize_t>(words_for(static_cast<std::size_t>(shape.back())));
  py::array_t<std::uint64_t> result(shape);
  const std::uint64_t* input = words.data();
  std::uint64_t* output = result.mutable_data();
  const py::gil_scoped_release release;
  model.run_packed(input, images, output);
  return result;
}

std::vector<py::array> trace(const Model& model, const py::array& x) {
  const std::size_t images = check_input(model, x);
  std::vector<py::array> values;
  std::vector<void*> pointers;
  for (const Node& node : model.graph().nodes()) {
    values.push_back(allocate(node.type, images));
    pointers.push_back(values.back().mutable_data());
  }
  const void* input = x.data();
  {
    const py::gil_scoped_release release;
    model.trace(input, images, pointers);
  }
  return values;
}

py::list describe(const Model& model) {
  py::list plans;
  for (const auto& plan : model.plans()) {
    py::list steps;
    for (const PlannedStep& s : plan->steps()) {
      const Node& node = model.graph().nodes()[s.node];
      py::dict step;
      step["node"] = node.name;
      step["repack"] = s.repack;
      step["kernels"] = s.step->kernels;
      step["cost"] = s.step->cost;
      step["bytes"] = 8 * value_words(node.type, plan->target().layout, s.step->writes);
      step["offset"] = 8 * s.value_out;
      step["scratch_bytes"] = 8 * s.step->scratch_words;
      steps.append(step);
    }
    py::dict entry;
    entry["layout"] = layout_name(plan->target().layout);
    entry["images_per_unit"] = plan->unit_images();
    entry["arena_bytes"] = 8 * plan->arena_words();
    entry["cost"] = plan->cost();
    entry["steps"] = steps;
    plans.append(entry);
  }
  return plans;
}

}  // namespace

void bind_model(py::module_& m) {
  py::class_<Graph>(m, "Graph", "A graph under construction; every node is validated as it is added.")
      .def(py::init([](const std::string& dtype, const std::vector<std::size_t>& shape) {
             return Graph(kind_from_dtype(dtype), shape);
           }),
           py::arg("dtype"), py::arg("shape"))
      .def(
          "add_level_sets",
          [](Graph& g, const std::string& name, std::size_t input, const Array<float>& values,
             std::size_t levels) { return g.add(name, input, LevelSets{levels, to_vector(values)}); },
          py::arg("name"), py::arg("input"), py::arg("values").noconvert(), py::arg("levels"))
      .def(
          "add_pack_binary",
          [](Graph& g, const std::string& name, std::size_t input) {
            return g.add(name, input, PackBinary{});
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
            return g.add(name, input,
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
          "add_threshold_conv2d",
          [](Graph& g, const std::string& name, std::size_t input, const std::array<std::size_t, 9>& geometry,
             const std::string& border, std::size_t inputs, const Array<std::uint64_t>& plus,
             const Array<std::uint64_t>& minus, const Array<std::int32_t>& threshold,
             const Array<std::uint8_t>& invert, const Array<std::int32_t>& offset) {
            const auto& [kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, padding_h, padding_w,
                         groups] = geometry;
            return g.add(
                name, input,
                ThresholdConv2d{kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, padding_h,
                                padding_w, groups, border_from_name(border),
                                make_neurons(plus, minus, threshold, invert, inputs), to_vector(offset)});
          },
          py::arg("name"), py::arg("input"), py::arg("geometry"), py::arg("border"), py::arg("inputs"),
          py::arg("plus").noconvert(), py::arg("minus").noconvert(), py::arg("threshold").noconvert(),
          py::arg("invert").noconvert(), py::arg("offset").noconvert(),
          "geometry: kernel, stride, dilation and padding as (height, width) each, then groups.")
      .def(
          "add_max_pool",
          [](Graph& g, const std::string& name, std::size_t input, std::size_t kernel_h, std::size_t kernel_w,
             std::size_t stride_h, std::size_t stride_w) {
            return g.add(name, input, MaxPool{kernel_h, kernel_w, stride_h, stride_w});
          },
          py::arg("name"), py::arg("input"), py::arg("kernel_h"), py::arg("kernel_w"), py::arg("stride_h"),
          py::arg("stride_w"))
      .def(
          "add_flatten",
          [](Graph& g, const std::string& name, std::size_t input) { return g.add(name, input, Flatten{}); },
          py::arg("name"), py::arg("input"))
      .def(
          "add_threshold_dense",
          [](Graph& g, const std::string& name, std::size_t input, std::size_t features,
             const Array<std::uint64_t>& plus, const Array<std::uint64_t>& minus,
             const Array<std::int32_t>& threshold, const Array<std::uint8_t>& invert) {
            return g.add(name, input, ThresholdDense{make_neurons(plus, minus, threshold, invert, features)});
          },
          py::arg("name"), py::arg("input"), py::arg("features"), py::arg("plus").noconvert(),
          py::arg("minus").noconvert(), py::arg("threshold").noconvert(), py::arg("invert").noconvert())
      .def(
          "add_linear",
          [](Graph& g, const std::string& name, std::size_t input, const Array<float>& weight,
             const Array<float>& bias) {
            return g.add(name, input,
                         Linear{static_cast<std::size_t>(bias.size()), to_vector(weight), to_vector(bias)});
          },
          py::arg("name"), py::arg("input"), py::arg("weight").noconvert(), py::arg("bias").noconvert())
      .def("set_output", &Graph::set_output, py::arg("value"));

  py::class_<Model>(m, "Model", "A planned network; run() may be called from many threads at once.")
      .def(py::init([](const Graph& graph, std::size_t threads, const std::string& isa,
                       const std::string& layout, std::size_t max_memory) {
             ModelOptions options;
             options.threads = threads;
             options.isa = isa.empty() ? default_isa() : isa_from_name(isa);
             options.max_memory = max_memory;
             if (layout == layout_name(Layout::rows)) options.layout = Layout::rows;
             if (layout == layout_name(Layout::planes)) options.layout = Layout::planes;
             const py::gil_scoped_release release;
             return std::make_unique<Model>(graph, options);
           }),
           py::arg("graph"), py::arg("threads"), py::arg("isa") = "", py::arg("layout") = "",
           py::arg("max_memory") = SIZE_MAX)
      .def("run", &run, py::arg("x"), "The output for a batch; releases the GIL.")
      .def("run_packed", &run_packed, py::arg("words").noconvert(), "Packed rows in, packed rows out.")
      .def("trace", &trace, py::arg("x"), "Every node's value, in order.")
      .def("plans", &describe, "What runs where: one entry per layout.")
      .def(
          "schedule",
          [](const Model& model, std::size_t images) {
            const Model::Schedule s = model.schedule(images);
            return py::make_tuple(s.blocks, s.singles);
          },
          py::arg("images"), "How a batch is cut: (blocks of images in planes, single images in rows).")
      .def_property_readonly("isa", [](const Model& model) { return isa_name(model.options().isa); })
      .def_property_readonly("threads", [](const Model& model) { return model.options().threads; });
}
