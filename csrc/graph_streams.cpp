// The types of nodes that read and write numbers.
#include <algorithm>
#include <cstdlib>

#include "graph_checks.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

constexpr std::int64_t kExactInt = 1 << 24;  // integers below it are floats

std::int64_t largest(const std::vector<std::int32_t>& values) {
  std::int64_t result = 0;
  for (std::int32_t v : values) result = std::max(result, std::abs(std::int64_t{v}));
  return result;
}

void check_bound(const std::string& name, std::int64_t bound) {
  if (bound >= kExactInt) fail(ErrorKind::format, name, "its sums may reach 2^24, which is not exact");
}

void check_mask(const std::string& name, const std::vector<std::uint64_t>& mask, std::size_t outputs,
                std::size_t inputs) {
  const std::size_t pitch = words_for(inputs);
  if (inputs == 0 || mask.size() != product(name, {outputs, pitch}))
    fail(ErrorKind::shape, name, "a mask has the wrong length");
  for (std::size_t o = 0; o < outputs; ++o)
    if (mask[(o + 1) * pitch - 1] & ~tail_mask(inputs))
      fail(ErrorKind::format, name, "mask bits past the last input are set");
}

void check_parameters(const std::string& name, const std::vector<float>& values, std::size_t size) {
  if (values.size() != size) fail(ErrorKind::shape, name, "a parameter array has the wrong length");
  check_finite(name, values);
}

void need(const std::string& name, const ValueType& x, ValueKind a, ValueKind b) {
  if (x.kind != a && x.kind != b) fail(ErrorKind::format, name, "cannot read values of this kind");
}

void need_float(const std::string& name, const ValueType& x) {
  need(name, x, ValueKind::float32, ValueKind::float32);
}

// Outputs of a convolution with weights [outputs][inputs].
std::size_t outputs_of(const std::string& name, const Window& w, const ValueType& x, std::size_t weights) {
  infer_window(name, w, x, ValueKind::float32, w.groups);  // whatever the outputs: the windows must fit
  const std::size_t inputs = window_inputs(name, w, x);
  if (weights == 0 || weights % inputs != 0) fail(ErrorKind::shape, name, "weight has the wrong length");
  return weights / inputs;
}

void need_zeros(const std::string& name, const Window& w) {
  if (w.border != kernels::Border::zeros) fail(ErrorKind::format, name, "border must be zeros");
}

}  // namespace

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const CountConv2d& op) {
  need(name, in[0], ValueKind::bits, ValueKind::bits);
  if (op.factor != 1 && op.factor != 2) fail(ErrorKind::format, name, "factor must be 1 or 2");
  if (op.inputs == 0) fail(ErrorKind::shape, name, "has no inputs");
  const std::size_t outputs = op.plus.size() / words_for(op.inputs);
  const ValueType result = infer_window(name, op, in[0], ValueKind::int32, outputs);
  if (op.inputs != window_inputs(name, op, in[0]))
    fail(ErrorKind::shape, name, "masks do not fit the window");
  check_mask(name, op.plus, outputs, op.inputs);
  check_mask(name, op.minus, outputs, op.inputs);
  for (std::size_t i = 0; i < op.plus.size(); ++i)
    if (op.plus[i] & op.minus[i]) fail(ErrorKind::format, name, "an input is in both masks");
  check_classes(name, op, in[0], "constant", op.constant.size(), outputs);
  check_bound(name, op.factor * static_cast<std::int64_t>(op.inputs) + largest(op.constant));
  return result;
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const TwoValueConv2d& op) {
  need(name, in[0], ValueKind::bits, ValueKind::bits);
  if (op.factor != 1 && op.factor != 2) fail(ErrorKind::format, name, "factor must be 1 or 2");
  const std::size_t outputs = op.difference.size();
  const ValueType result = infer_window(name, op, in[0], ValueKind::float32, outputs);
  if (op.inputs != window_inputs(name, op, in[0]))
    fail(ErrorKind::shape, name, "masks do not fit the window");
  check_mask(name, op.plus, outputs, op.inputs);
  check_classes(name, op, in[0], "constant", op.constant.size(), outputs);
  check_classes(name, op, in[0], "total", op.total.size(), 1);
  check_parameters(name, op.difference, outputs);
  check_parameters(name, op.low, outputs);
  check_bound(name, op.factor * static_cast<std::int64_t>(op.inputs) +
                        std::max(largest(op.constant), largest(op.total)));
  return result;
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const PixelConv2d& op) {
  need(name, in[0], ValueKind::uint8, ValueKind::uint8);
  need_zeros(name, op);
  const std::size_t outputs = outputs_of(name, op, in[0], op.weight.size());
  const ValueType result = infer_window(name, op, in[0], ValueKind::int32, outputs);
  check_classes(name, op, in[0], "constant", op.constant.size(), outputs);
  const std::size_t inputs = op.weight.size() / outputs;
  std::int64_t bound = 0;
  for (std::size_t o = 0; o < outputs; ++o) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < inputs; ++i) sum += std::abs(std::int64_t{op.weight[o * inputs + i]});
    bound = std::max(bound, sum);
  }
  check_bound(name, 255 * bound + largest(op.constant));
  return result;
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Conv2d& op) {
  need(name, in[0], ValueKind::float32, ValueKind::uint8);
  need_zeros(name, op);
  const std::size_t outputs = outputs_of(name, op, in[0], op.weight.size());
  check_finite(name, op.weight);
  check_parameters(name, op.bias, outputs);
  return infer_window(name, op, in[0], ValueKind::float32, outputs);
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Affine& op) {
  need(name, in[0], ValueKind::float32, ValueKind::int32);
  check_parameters(name, op.scale, in[0].channels);
  check_parameters(name, op.shift, in[0].channels);
  ValueType result = in[0];
  result.kind = ValueKind::float32;
  return result;
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Add&) {
  need_float(name, in[0]);
  need_float(name, in[1]);
  const ValueType &a = in[0], &b = in[1];
  if (a.flat != b.flat || a.channels != b.channels || a.height != b.height || a.width != b.width)
    fail(ErrorKind::shape, name, "adds values of different shapes");
  return a;
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const PRelu& op) {
  need_float(name, in[0]);
  check_parameters(name, op.slope, in[0].channels);
  return in[0];
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Clamp& op) {
  need_float(name, in[0]);
  if (!(op.low <= op.high)) fail(ErrorKind::format, name, "limits must be low <= high");
  return in[0];
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const AvgPool& op) {
  need_float(name, in[0]);
  return infer_pool(name, in[0], {op.kernel_h, op.kernel_w}, {op.stride_h, op.stride_w}, {0, 0});
}

ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Concat&) {
  ValueType result = in[0];
  if (result.kind == ValueKind::uint8) fail(ErrorKind::format, name, "cannot read values of this kind");
  for (std::size_t i = 1; i < in.size(); ++i) {
    const ValueType& x = in[i];
    if (x.kind != result.kind || x.flat != result.flat || x.height != result.height ||
        x.width != result.width)
      fail(ErrorKind::shape, name, "joins values that do not fit beside each other");
    result.channels += x.channels;
  }
  product(name, {result.channels, result.height, result.width});
  return result;
}

}  // namespace binmorph
