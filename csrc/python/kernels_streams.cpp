// Bindings of the kernels over streams of float32 and integer values.
#include <algorithm>
#include <array>
#include <numeric>
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
    ElementwiseStep s{ElementwiseOp::clamp, nullptr, nullptr, 0, 0, 0, 1};
    if (name == "affine") {
      s.op = ElementwiseOp::affine;
      s.first = table(step, 1);
      s.second = table(step, 2);
    } else if (name == "add") {
      s.op = ElementwiseOp::add;
      s.stream = stream(
          const_cast<float*>(input<float>(argument(step, 1), "a stream", product({pixels_, channels_}))));
    } else if (name == "two_value" && step.size() == 5) {
      s.op = ElementwiseOp::two_value;
      s.first = table(step, 1);
      s.second = table(step, 2);
      s.groups = step[4].cast<std::size_t>();
      if (s.groups == 0 || channels_ % s.groups != 0)
        throw py::value_error("groups must divide the channels");
      s.stream = stream(const_cast<std::int32_t*>(
          input<std::int32_t>(argument(step, 3), "a stream", product({pixels_, s.groups}))));
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

py::array float_pool(const std::string& kernel, const py::array& src, const std::array<std::size_t, 3>& shape,
                     const Pair& kernel_size, const Pair& stride, bool average, const Pair& padding,
                     const std::optional<Pair>& rows, Out out) {
  auto* run = find_kernel<kernels::FloatPool>(kernel);
  const kernels::PoolShape s{shape[0],  shape[1],  shape[2],   kernel_size[0], kernel_size[1],
                             stride[0], stride[1], padding[0], padding[1]};
  if (s.stride_h == 0 || s.stride_w == 0) throw py::value_error("stride must be positive");
  if (s.padding_h >= s.kernel_h || s.padding_w >= s.kernel_w || (average && s.padding_h + s.padding_w != 0))
    throw py::value_error("padding must be less than the kernel, and is for max pools only");
  if (s.kernel_h > s.height + 2 * s.padding_h || s.kernel_w > s.width + 2 * s.padding_w)
    throw py::value_error("the pooling window is larger than the image");
  const Pair range = rows.value_or(Pair{0, s.out_height()});
  if (range[0] > range[1] || range[1] > s.out_height())
    throw py::value_error("rows must select existing ones");
  const float* from = input<float>(src, "src", product({s.channels, s.height, s.width}));
  run(s, average ? kernels::PoolKind::average : kernels::PoolKind::max, from,
      output<float>(out, product({s.out_height(), s.out_width(), s.channels})), range[0], range[1]);
  return *out;
}

template <class Fn, class T>
py::array level_sets(const std::string& kernel, const py::array& src, const py::array& values,
                     std::size_t pixels, std::size_t channels, std::size_t levels, Out out) {
  Fn* run = find_kernel<Fn>(kernel);
  const T* from = input<T>(src, "src", product({pixels, channels}));
  const std::size_t bits = product({channels, levels});
  run(from, pixels, channels, levels, input<float>(values, "values", bits),
      output<std::uint64_t>(out, product({pixels, words_for(bits)})));
  return *out;
}

// Parts of [pixels][size(channels)] elements of T, as pointers.
template <class T, class Size>
std::vector<const T*> parts_of(const std::vector<py::array>& parts, const std::vector<std::size_t>& channels,
                               std::size_t pixels, const Size& size) {
  check_size("channels", channels.size(), parts.size());
  std::vector<const T*> result;
  for (std::size_t i = 0; i < parts.size(); ++i)
    result.push_back(input<T>(parts[i], "a part", product({pixels, size(channels[i])})));
  return result;
}

py::array concat_values(const std::string& kernel, const std::vector<py::array>& parts,
                        const std::vector<std::size_t>& channels, std::size_t pixels, Out out) {
  auto* run = find_kernel<kernels::ConcatValues>(kernel);
  const auto from = parts_of<float>(parts, channels, pixels, [](std::size_t c) { return c; });
  const std::vector<const void*> pointers(from.begin(), from.end());
  const std::size_t total = std::accumulate(channels.begin(), channels.end(), std::size_t{0});
  run(pointers.data(), channels.data(), channels.size(), pixels,
      output<float>(out, product({pixels, total})));
  return *out;
}

py::array concat_bits(const std::string& kernel, const std::vector<py::array>& parts,
                      const std::vector<std::size_t>& channels, std::size_t pixels, Out out) {
  auto* run = find_kernel<kernels::ConcatBits>(kernel);
  const auto from = parts_of<std::uint64_t>(parts, channels, pixels, words_for);
  const std::size_t total = std::accumulate(channels.begin(), channels.end(), std::size_t{0});
  run(from.data(), channels.data(), channels.size(), pixels,
      output<std::uint64_t>(out, product({pixels, words_for(total)})));
  return *out;
}

py::array flatten_values(const std::string& kernel, const py::array& src, std::size_t pixels,
                         std::size_t channels, Out out) {
  auto* run = find_kernel<kernels::FlattenValues>(kernel);
  const float* from = input<float>(src, "src", product({pixels, channels}));
  run(from, pixels, channels, output<float>(out, product({pixels, channels})));
  return *out;
}

}  // namespace

void bind_stream_kernels(py::module_& m) {
  const auto none = py::none();
  const auto bind_elementwise = [&](const char* name, auto* function) {
    m.def(name, function, "kernel"_a, "src"_a, "src_pitch"_a, "channels"_a, "steps"_a, "pixels"_a,
          "pixel_range"_a, "blocks"_a);
  };
  bind_elementwise("elementwise_f32", &elementwise<kernels::ElementwiseF32, float>);
  bind_elementwise("elementwise_i16", &elementwise<kernels::ElementwiseI16, std::int16_t>);
  bind_elementwise("elementwise_i32", &elementwise<kernels::ElementwiseI32, std::int32_t>);
  m.def("float_pool", &float_pool, "kernel"_a, "src"_a, "shape"_a, "kernel_size"_a, "stride"_a,
        "average"_a = false, "padding"_a = Pair{0, 0}, "rows"_a = none, "out"_a = none);
  const auto bind_level_sets = [&](const char* name, auto* function) {
    m.def(name, function, "kernel"_a, "src"_a, "values"_a, "pixels"_a, "channels"_a, "levels"_a,
          "out"_a = none);
  };
  bind_level_sets("level_sets_f32", &level_sets<kernels::LevelSetsF32, float>);
  bind_level_sets("level_sets_i32", &level_sets<kernels::LevelSetsI32, std::int32_t>);
  m.def("concat_values", &concat_values, "kernel"_a, "parts"_a, "channels"_a, "pixels"_a, "out"_a = none);
  m.def("concat_bits", &concat_bits, "kernel"_a, "parts"_a, "channels"_a, "pixels"_a, "out"_a = none);
  m.def("flatten_values", &flatten_values, "kernel"_a, "src"_a, "pixels"_a, "channels"_a, "out"_a = none);
}

}  // namespace binmorph::python
