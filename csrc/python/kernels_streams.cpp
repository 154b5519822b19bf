// Bindings of the kernels over streams of float32 and int32 values.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "kernel_args.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;
using kernels::ElementwiseOp;
using kernels::ElementwiseStep;
using Pair = std::array<std::size_t, 2>;

// Steps as Python writes them: (op, arrays or numbers), with streams given in place.
class Steps {
 public:
  Steps(const std::vector<py::tuple>& steps, std::size_t pixels, std::size_t channels)
      : pixels_(pixels), channels_(channels) {
    for (const py::tuple& step : steps) add(step);
  }
  const std::vector<ElementwiseStep>& list() const { return steps_; }
  void* const* streams() const { return streams_.data(); }

 private:
  const float* table(const py::tuple& step, std::size_t i) const {
    return input<float>(argument(step, i), "a table of channels", channels_);
  }
  static py::array argument(const py::tuple& step, std::size_t i) {
    if (i >= step.size()) throw py::value_error("a step has too few arguments");
    return step[i].cast<py::array>();
  }
  std::size_t stream(void* p) {
    streams_.push_back(p);
    return streams_.size() - 1;
  }
  template <class T>
  std::size_t target(const py::tuple& step, std::size_t i, std::size_t pixel_size) {
    Out out = argument(step, i);
    return stream(output<T>(out, product({pixels_, pixel_size}), "a stream"));
  }

  void add(const py::tuple& step) {
    const auto name = step.size() == 0 ? std::string() : step[0].cast<std::string>();
    ElementwiseStep s{ElementwiseOp::clamp, nullptr, nullptr, 0, 0, 0};
    if (name == "affine") {
      s.op = ElementwiseOp::affine;
      s.first = table(step, 1);
      s.second = table(step, 2);
    } else if (name == "add") {
      s.op = ElementwiseOp::add;
      s.stream = stream(
          const_cast<float*>(input<float>(argument(step, 1), "a stream", product({pixels_, channels_}))));
    } else if (name == "prelu") {
      s.op = ElementwiseOp::prelu;
      s.first = table(step, 1);
    } else if (name == "clamp" && step.size() == 3) {
      s.low = step[1].cast<float>();
      s.high = step[2].cast<float>();
    } else if (name == "store") {
      s.op = ElementwiseOp::store;
      s.stream = target<float>(step, 1, channels_);
    } else if (name == "pack") {
      s.op = ElementwiseOp::pack;
      s.first = table(step, 1);
      s.stream = target<std::uint64_t>(step, 2, words_for(channels_));
    } else {
      throw py::value_error("unknown step '" + name + "'");
    }
    steps_.push_back(s);
  }

  std::size_t pixels_, channels_;
  std::vector<ElementwiseStep> steps_;
  std::vector<void*> streams_;
};

template <class Fn, class T>
void elementwise(const std::string& kernel, const py::array& src, std::size_t src_pitch, std::size_t channels,
                 const std::vector<py::tuple>& steps, std::size_t pixels, const Pair& pixel_range,
                 const Pair& blocks) {
  Fn* run = find_kernel<Fn>(kernel);
  const kernels::ElementwiseRange range{pixel_range[0], pixel_range[1], blocks[0], blocks[1]};
  if (range.pixel_begin >= range.pixel_end || range.pixel_end > pixels ||
      range.block_begin >= range.block_end || range.block_end > words_for(channels))
    throw py::value_error("the ranges must select pixels and blocks that exist");
  const std::size_t row = std::min(range.block_end * 64, channels) - range.block_begin * 64;
  if (src_pitch < row) throw py::value_error("src_pitch is less than the channels of the range");
  const T* from = input<T>(src, "src", product({range.pixel_end - range.pixel_begin - 1, src_pitch}) + row);
  const Steps list(steps, pixels, channels);
  run({channels, list.list().data(), list.list().size()}, range, from, src_pitch, list.streams());
}

}  // namespace

void bind_stream_kernels(py::module_& m) {
  const auto bind_elementwise = [&](const char* name, auto* function) {
    m.def(name, function, "kernel"_a, "src"_a, "src_pitch"_a, "channels"_a, "steps"_a, "pixels"_a,
          "pixel_range"_a, "blocks"_a);
  };
  bind_elementwise("elementwise_f32", &elementwise<kernels::ElementwiseF32, float>);
  bind_elementwise("elementwise_i32", &elementwise<kernels::ElementwiseI32, std::int32_t>);
}

}  // namespace binmorph::python
