#include "binmorph/graph.h"

#include <algorithm>
#include <map>
#include <utility>

#include "graph_checks.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

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

// The type of a node's output, for an input of type x; throws when the operation cannot read x.
struct Infer {
  const std::string& name;
  const std::vector<ValueType>& in;
  const ValueType& x = in.front();

  void need_bits(bool flat) const {
    if (x.kind != ValueKind::bits) fail(ErrorKind::format, name, "reads bits, but its input holds numbers");
    if (x.flat != flat)
      fail(ErrorKind::shape, name, flat ? "reads (features,)" : "reads (channels, height, width)");
  }

  ValueType operator()(const LevelSets& op) const {
    if (x.kind == ValueKind::bits) fail(ErrorKind::format, name, "level sets read numbers");
    if (op.levels == 0 || op.values.size() != product(name, {x.channels, op.levels}))
      fail(ErrorKind::shape, name, "needs one row of values per channel");
    check_finite(name, op.values);
    product(name, {op.values.size(), x.height, x.width});
    return {ValueKind::bits, x.flat, op.values.size(), x.height, x.width};
  }

  ValueType operator()(const PackBinary&) const {
    if (x.kind == ValueKind::bits) fail(ErrorKind::format, name, "its input is packed already");
    if (x.kind == ValueKind::int32) fail(ErrorKind::format, name, "reads float32 or uint8");
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

  ValueType operator()(const TruthTable& op) const {
    need_bits(false);
    const std::size_t inputs = product(name, {op.reads, op.kernel_h, op.kernel_w});
    if (inputs > TruthTable::kMostInputs)
      fail(ErrorKind::shape, name,
           "a table of " + std::to_string(inputs) + " inputs; the limit is " +
               std::to_string(TruthTable::kMostInputs));
    const std::size_t entries = std::size_t{1} << inputs, pitch = words_for(entries);
    if (op.outputs == 0 || op.channels.size() != product(name, {op.outputs, op.reads}) ||
        op.table.size() != product(name, {op.outputs, pitch}))
      fail(ErrorKind::shape, name, "needs a table and a row of channels for every output");
    for (std::int32_t channel : op.channels)
      if (channel < 0 || static_cast<std::size_t>(channel) >= x.channels)
        fail(ErrorKind::format, name,
             "reads channel " + std::to_string(channel) + " of " + std::to_string(x.channels));
    for (std::size_t o = 0; o < op.outputs; ++o)
      if (op.table[o * pitch + pitch - 1] & ~tail_mask(entries))
        fail(ErrorKind::format, name, "table bits past the last entry are set");
    const kernels::WindowShape shape{x.channels, x.height, x.width, op.kernel_h, op.kernel_w, op.border};
    if (op.border == kernels::Border::valid && (op.kernel_h > x.height || op.kernel_w > x.width))
      fail(ErrorKind::shape, name, "the window is larger than the image");
    product(name, {x.channels, op.kernel_w, shape.extended_height(), shape.extended_width()});
    product(name, {op.outputs, x.height, x.width});
    return {ValueKind::bits, false, op.outputs, shape.out_height(), shape.out_width()};
  }

  ValueType operator()(const ThresholdConv2d& op) const {
    need_bits(false);
    const std::size_t outputs = op.neurons.count;
    const ValueType result = infer_window(name, op, x, ValueKind::bits, outputs);
    check_neurons(name, op.neurons, outputs, window_inputs(name, op, x));
    check_classes(name, op, x, "offset", op.offset.size(), outputs);
    const std::int64_t bound = static_cast<std::int64_t>(op.neurons.inputs) + 1;
    for (std::size_t i = 0; i < op.offset.size(); ++i) {
      const std::int64_t threshold = std::int64_t{op.neurons.threshold[i % outputs]} + op.offset[i];
      if (threshold < -bound || threshold > bound)
        fail(ErrorKind::format, name, "a threshold plus its offset is out of range");
    }
    return result;
  }

  ValueType operator()(const MaxPool& op) const {
    if (x.kind != ValueKind::float32) need_bits(false);
    if (x.kind == ValueKind::bits && op.padding_h + op.padding_w > 0)
      fail(ErrorKind::shape, name, "bits are pooled without padding");
    return infer_pool(name, x, {op.kernel_h, op.kernel_w}, {op.stride_h, op.stride_w},
                      {op.padding_h, op.padding_w});
  }

  ValueType operator()(const Flatten&) const {
    if (x.kind == ValueKind::uint8 || x.flat)
      fail(ErrorKind::shape, name, "flattens the image of an earlier node");
    return {x.kind, true, x.size(), 1, 1};
  }

  ValueType operator()(const ThresholdDense& op) const {
    need_bits(true);
    check_neurons(name, op.neurons, op.neurons.count, x.channels);
    return {ValueKind::bits, true, op.neurons.count, 1, 1};
  }

  ValueType operator()(const Linear& op) const {
    if (x.kind != ValueKind::float32 || !x.flat) need_bits(true);
    if (op.outputs == 0 || op.bias.size() != op.outputs ||
        op.weight.size() != product(name, {op.outputs, x.channels}))
      fail(ErrorKind::shape, name, "weight must be [outputs][inputs] and bias [outputs]");
    check_finite(name, op.weight);
    check_finite(name, op.bias);
    return {ValueKind::float32, true, op.outputs, 1, 1};
  }

  // Numbers: graph_streams.cpp.
  template <class Op>
  ValueType operator()(const Op& op) const {
    return infer_stream(name, in, op);
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

std::size_t Graph::add(const std::string& name, const std::vector<std::size_t>& inputs, Operation operation) {
  std::vector<ValueType> types;
  for (std::size_t input : inputs) {
    if (input > nodes_.size()) fail(ErrorKind::format, name, "reads a value that no earlier node writes");
    types.push_back(type(input));
  }
  const bool many = std::holds_alternative<Concat>(operation);
  if (types.empty() || (!many && types.size() != (std::holds_alternative<Add>(operation) ? 2 : 1)))
    fail(ErrorKind::format, name, "has the wrong number of inputs");
  const ValueType result = std::visit(Infer{name, types}, operation);
  nodes_.push_back({name, inputs, result, std::move(operation)});
  return nodes_.size();
}

void Graph::set_output(std::size_t value) {
  if (value == 0 || value > nodes_.size())
    throw Error(ErrorKind::format, "the output is not the value of a node");
  output_ = value;
}

}  // namespace binmorph
