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

std::vector<py::ssize_t> batch_shape(const ValueType& type, std::size_t images) {
  const auto size = [](std::size_t n) { return static_cast<py::ssize_t>(n); };
  if (type.flat) return {size(images), size(type.channels)};
  return {size(images), size(type.channels), size(type.height), size(type.width)};
}

py::array allocate(const ValueType& type, std::size_t images) {
  const auto shape = batch_shape(type, images);
  if (type.kind == ValueKind::float32) return py::array_t<float>(shape);
  if (type.kind == ValueKind::int32) return py::array_t<std::int32_t>(shape);
  return py::array_t<bool>(shape);
}

void check_memory(const py::array& x) {
  constexpr int kWanted = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((x.flags() & kWanted) != kWanted)
    throw Error(ErrorKind::shape, "input: must be C-contiguous and aligned");
}

std::size_t check_input(const Model& model, const py::array& x) {
  const ValueType& type = model.graph().type(0);
  const bool floats = type.kind == ValueKind::float32;
  if (!(floats ? py::isinstance<py::array_t<float>>(x) : py::isinstance<py::array_t<std::uint8_t>>(x)))
    throw Error(ErrorKind::dtype, std::string("input: expected dtype ") + (floats ? "float32" : "uint8") +
                                      ", got " + py::str(x.dtype()).cast<std::string>());
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

// `repeats`: the work is done so many times within one call, so that benchmarks can time it without Python.
py::array run(const Model& model, const py::array& x, std::size_t repeats) {
  const std::size_t images = check_input(model, x);
  py::array y = allocate(model.graph().type(model.graph().output()), images);
  const void* input = x.data();
  void* output = y.mutable_data();
  {
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < repeats; ++i) model.run(input, images, output);
  }
  return y;
}

// words: uint64 [images, ...], as many words per image as the network's input takes in this packing.
py::array run_packed(const Model& model, const Array<std::uint64_t>& words, std::size_t repeats,
                     bool channels) {
  const Packing packing = channels ? Packing::channels : Packing::rows;
  const std::size_t images = words.ndim() > 0 ? static_cast<std::size_t>(words.shape(0)) : 0;
  const std::size_t expected = images * model.input_words(packing);
  if (static_cast<std::size_t>(words.size()) != expected)
    throw Error(ErrorKind::shape, "packed input: got " + std::to_string(words.size()) + " words, expected " +
                                      std::to_string(expected));
  check_memory(words);
  const ValueType& type = model.graph().type(model.graph().output());
  auto shape = batch_shape(type, images);
  if (channels) std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  shape.back() = static_cast<py::ssize_t>(words_for(static_cast<std::size_t>(shape.back())));
  py::array_t<std::uint64_t> result(shape);
  const std::uint64_t* input = words.data();
  std::uint64_t* output = result.mutable_data();
  const py::gil_scoped_release release;
  for (std::size_t i = 0; i < repeats; ++i) model.run_packed(input, images, packing, output);
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

py::tuple profile(const Model& model, const py::array& x) {
  const std::size_t images = check_input(model, x);
  py::array y = allocate(model.graph().type(model.graph().output()), images);
  const void* input = x.data();
  void* output = y.mutable_data();
  std::vector<Model::PlanProfile> profiles;
  {
    const py::gil_scoped_release release;
    profiles = model.profile(input, images, output);
  }
  py::list plans;
  for (const Model::PlanProfile& p : profiles)
    plans.append(py::make_tuple(layout_name(p.plan->target().layout), p.seconds, p.unload));
  return py::make_tuple(y, plans);
}

py::list describe(const Model& model) {
  py::list plans;
  for (const auto& plan : model.plans()) {
    py::list steps;
    for (const PlannedStep& s : plan->steps()) {
      py::dict step;
      py::list nodes, values;
      for (std::size_t node : s.nodes) nodes.append(model.graph().nodes()[node].name);
      std::size_t words = 0;
      for (const PlannedValue& value : s.values) {
        values.append(model.graph().nodes()[value.node].name);
        words += value.words;
      }
      step["nodes"] = nodes;
      step["values"] = values;
      step["kernels"] = s.step->kernels;
      step["cost"] = s.step->cost;
      py::list rivals;
      for (const Step::Rival& rival : s.step->rivals) rivals.append(py::make_tuple(rival.kernel, rival.cost));
      step["rivals"] = rivals;
      step["bytes"] = 8 * words;
      step["offset"] = 8 * s.out.offset;
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
      .def("run", &run, py::arg("x"), py::arg("repeats") = 1, "The output for a batch; releases the GIL.")
      .def("run_packed", &run_packed, py::arg("words").noconvert(), py::arg("repeats") = 1,
           py::arg("channels") = false, "Packed rows in and out, or packed channels of pixels.")
      .def("trace", &trace, py::arg("x"), "Every node's value, in order.")
      .def(
          "profile", &profile, py::arg("x"),
          "The output, and per layout that ran: its name, seconds per step, seconds to hand the output over.")
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
