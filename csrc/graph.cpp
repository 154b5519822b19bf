#include "binmorph/graph.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "binmorph/error.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

constexpr std::size_t kMaxDimension = (std::size_t{1} << 31) - 1;
constexpr std::size_t kMaxElements = std::size_t{1} << 36;  // bits or floats of one value, of one image

[[noreturn]] void fail(ErrorKind kind, const std::string& name, const std::string& what) {
  throw Error(kind, "node '" + name + "': " + what);
}

std::size_t product(const std::string& name, std::initializer_list<std::size_t> factors) {
  std::size_t result = 1;
  for (std::size_t f : factors)
    if (f > kMaxDimension || __builtin_mul_overflow(result, f, &result) || result > kMaxElements)
      fail(ErrorKind::shape, name, "a dimension or the number of elements is too large");
  return result;
}

std::size_t popcount(const std::uint64_t* words, std::size_t count) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += static_cast<std::size_t>(__builtin_popcountll(words[i]));
  return total;
}

void check_neurons(const std::string& name, const Neurons& n, std::size_t count, std::size_t inputs) {
  if (n.count != count || n.inputs != inputs || count == 0 || inputs == 0)
    fail(ErrorKind::shape, name,
         std::to_string(n.count) + " neurons of " + std::to_string(n.inputs) + " inputs where " +
             std::to_string(count) + " of " + std::to_string(inputs) + " are needed");
  const std::size_t pitch = words_for(inputs), words = product(name, {count, pitch});
  if (n.plus.size() != words || n.minus.size() != words || n.threshold.size() != count ||
      n.invert.size() != count)
    fail(ErrorKind::shape, name, "a mask, threshold or inversion array has the wrong length");
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t *plus = &n.plus[i * pitch], *minus = &n.minus[i * pitch];
    const std::string at = "neuron " + std::to_string(i) + ": ";
    if ((plus[pitch - 1] | minus[pitch - 1]) & ~tail_mask(inputs))
      fail(ErrorKind::format, name, at + "mask bits past the last input are set");
    for (std::size_t w = 0; w < pitch; ++w)
      if (plus[w] & minus[w]) fail(ErrorKind::format, name, at + "an input is in both masks");
    const std::int64_t low = -static_cast<std::int64_t>(popcount(minus, pitch));
    const std::int64_t high = static_cast<std::int64_t>(popcount(plus, pitch)) + 1;
    if (n.threshold[i] < low || n.threshold[i] > high)
      fail(ErrorKind::format, name,
           at + "threshold " + std::to_string(n.threshold[i]) + " lies outside [" + std::to_string(low) +
               ", " + std::to_string(high) + "]");
    if (n.invert[i] > 1) fail(ErrorKind::format, name, at + "invert must be 0 or 1");
  }
}

void check_finite(const std::string& name, const std::vector<float>& values) {
  for (float v : values)
    if (!std::isfinite(v)) fail(ErrorKind::format, name, "holds a value that is not finite");
}

// The type of a node's output, for an input of type x; throws when the operation cannot read x.
struct Infer {
  const std::string& name;
  const ValueType& x;

  void need_bits(bool flat) const {
    if (x.kind != ValueKind::bits) fail(ErrorKind::format, name, "reads bits, but its input holds numbers");
    if (x.flat != flat)
      fail(ErrorKind::shape, name, flat ? "reads (features,)" : "reads (channels, height, width)");
  }

  ValueType operator()(const LevelSets& op) const {
    if (x.kind == ValueKind::bits || x.flat)
      fail(ErrorKind::format, name, "level sets read gray (channels, height, width) images");
    if (op.levels == 0 || op.values.size() != product(name, {x.channels, op.levels}))
      fail(ErrorKind::shape, name, "needs one row of values per channel");
    check_finite(name, op.values);
    product(name, {op.values.size(), x.height, x.width});
    return {ValueKind::bits, false, op.values.size(), x.height, x.width};
  }

  ValueType operator()(const PackBinary&) const {
    if (x.kind == ValueKind::bits) fail(ErrorKind::format, name, "its input is packed already");
    ValueType type = x;
    type.kind = ValueKind::bits;
    return type;
  }

  ValueType operator()(const Bisel& op) const {
    need_bits(false);
    check_neurons(name, op.lui, op.lui.count, x.channels);
    const std::size_t window = product(name, {op.kernel_h, op.kernel_w});
    check_neurons(name, op.bise, product(name, {op.lui.count, x.channels}), window);
    const kernels::WindowShape shape{x.channels, x.height, x.width, op.kernel_h, op.kernel_w, op.border};
    if (op.border == kernels::Border::valid && (op.kernel_h > x.height || op.kernel_w > x.width))
      fail(ErrorKind::shape, name, "the window is larger than the image");
    product(name, {x.channels, op.kernel_w, shape.extended_height(), shape.extended_width()});
    product(name, {op.lui.count, x.height, x.width});
    return {ValueKind::bits, false, op.lui.count, shape.out_height(), shape.out_width()};
  }

  ValueType operator()(const ThresholdConv2d& op) const {
    need_bits(false);
    if (op.border == kernels::Border::valid)
      fail(ErrorKind::format, name, "border must be zeros, ones or replicate");
    const std::size_t outputs = op.neurons.count;
    for (std::size_t n :
         {op.kernel_h, op.kernel_w, op.stride_h, op.stride_w, op.dilation_h, op.dilation_w, op.groups})
      if (n == 0) fail(ErrorKind::shape, name, "kernel, stride, dilation and groups must be positive");
    if (x.channels % op.groups != 0 || outputs % op.groups != 0)
      fail(ErrorKind::shape, name, "groups must divide the channels and the outputs");
    check_neurons(name, op.neurons, outputs,
                  product(name, {x.channels / op.groups, op.kernel_h, op.kernel_w}));
    const std::size_t padded_h = x.height + 2 * op.padding_h, padded_w = x.width + 2 * op.padding_w;
    product(name, {x.channels, padded_h, padded_w});
    const std::size_t window_h = product(name, {op.dilation_h, op.kernel_h - 1}) + 1;
    const std::size_t window_w = product(name, {op.dilation_w, op.kernel_w - 1}) + 1;
    if (window_h > padded_h || window_w > padded_w)
      fail(ErrorKind::shape, name, "the window is larger than the padded image");
    const ValueType result{ValueKind::bits, false, outputs, (padded_h - window_h) / op.stride_h + 1,
                           (padded_w - window_w) / op.stride_w + 1};
    product(name, {outputs, result.height, result.width});
    check_offsets(op);
    return result;
  }

  void check_offsets(const ThresholdConv2d& op) const {
    const std::size_t outputs = op.neurons.count;
    if (op.offset.size() != outputs) {
      const std::size_t rows =
          border_classes(x.height, op.kernel_h, op.stride_h, op.dilation_h, op.padding_h).count;
      const std::size_t columns =
          border_classes(x.width, op.kernel_w, op.stride_w, op.dilation_w, op.padding_w).count;
      if (op.offset.size() != rows * columns * outputs)
        fail(ErrorKind::shape, name, "offset must have 1 class, or one for each kind of border");
    }
    const std::int64_t bound = static_cast<std::int64_t>(op.neurons.inputs) + 1;
    for (std::size_t i = 0; i < op.offset.size(); ++i) {
      const std::int64_t threshold = std::int64_t{op.neurons.threshold[i % outputs]} + op.offset[i];
      if (threshold < -bound || threshold > bound)
        fail(ErrorKind::format, name, "a threshold plus its offset is out of range");
    }
  }

  ValueType operator()(const MaxPool& op) const {
    need_bits(false);
    if (op.kernel_h == 0 || op.kernel_w == 0 || op.stride_h == 0 || op.stride_w == 0)
      fail(ErrorKind::shape, name, "kernel and stride must be positive");
    if (op.kernel_h > x.height || op.kernel_w > x.width)
      fail(ErrorKind::shape, name, "the window is larger than the image");
    return {ValueKind::bits, false, x.channels, (x.height - op.kernel_h) / op.stride_h + 1,
            (x.width - op.kernel_w) / op.stride_w + 1};
  }

  ValueType operator()(const Flatten&) const {
    need_bits(false);
    return {ValueKind::bits, true, x.size(), 1, 1};
  }

  ValueType operator()(const ThresholdDense& op) const {
    need_bits(true);
    check_neurons(name, op.neurons, op.neurons.count, x.channels);
    return {ValueKind::bits, true, op.neurons.count, 1, 1};
  }

  ValueType operator()(const Linear& op) const {
    need_bits(true);
    if (op.outputs == 0 || op.bias.size() != op.outputs ||
        op.weight.size() != product(name, {op.outputs, x.channels}))
      fail(ErrorKind::shape, name, "weight must be [outputs][inputs] and bias [outputs]");
    check_finite(name, op.weight);
    check_finite(name, op.bias);
    return {ValueKind::float32, true, op.outputs, 1, 1};
  }
};

}  // namespace

BorderClasses border_classes(std::size_t size, std::size_t kernel, std::size_t stride, std::size_t dilation,
                             std::size_t padding) {
  BorderClasses result;
  std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> known;
  const std::size_t window = dilation * (kernel - 1) + 1;
  for (std::size_t at = 0; at + window <= size + 2 * padding; at += stride) {
    // The taps inside are one run: from the first that is not before the image to the last that is not past
    // it.
    const std::size_t before = padding > at ? (padding - at + dilation - 1) / dilation : 0;
    const std::size_t until = size + padding > at ? (size + padding - at + dilation - 1) / dilation : 0;
    const std::size_t begin = std::min(before, kernel), end = std::max(begin, std::min(until, kernel));
    const auto run = begin == end ? std::make_pair(kernel, kernel) : std::make_pair(begin, end);
    result.of.push_back(known.emplace(run, static_cast<std::uint32_t>(known.size())).first->second);
  }
  result.count = known.size();
  return result;
}

Graph::Graph(ValueKind kind, const std::vector<std::size_t>& shape) {
  const bool flat = shape.size() == 1;
  if (!flat && shape.size() != 3)
    throw Error(ErrorKind::shape, "input: shape must be (channels, height, width) or (features,)");
  if (kind == ValueKind::bits) throw Error(ErrorKind::format, "input: dtype must be float32 or uint8");
  input_ =
      flat ? ValueType{kind, true, shape[0], 1, 1} : ValueType{kind, false, shape[0], shape[1], shape[2]};
  if (product("input", {input_.channels, input_.height, input_.width}) == 0)
    throw Error(ErrorKind::shape, "input: every dimension must be at least 1");
}

std::size_t Graph::add(const std::string& name, std::size_t input, Operation operation) {
  if (input > nodes_.size()) fail(ErrorKind::format, name, "reads a value that no earlier node writes");
  const ValueType result = std::visit(Infer{name, type(input)}, operation);
  nodes_.push_back({name, input, result, std::move(operation)});
  return nodes_.size();
}

void Graph::set_output(std::size_t value) {
  if (value == 0 || value > nodes_.size())
    throw Error(ErrorKind::format, "the output is not the value of a node");
  output_ = value;
}

}  // namespace binmorph
