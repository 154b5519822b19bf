// Windows and fully connected layers of threshold neurons, and the float layer at the end.
#include <limits>

#include "binmorph/error.h"
#include "cuda/steps.h"
#include "kernels/linear/cuda_linear.h"
#include "kernels/threshold_conv2d/cuda_pack.h"

namespace binmorph::cuda {

void plan_node(Plan& plan, std::size_t node) {
  const Node& n = plan.graph().nodes()[node];
  const std::size_t source = source_of(n);
  const Maker maker{plan, node, source, node + 1, plan.graph().type(source), n.type};
  std::visit(maker, n.operation);
}

void Maker::unsupported(const std::string& why) const {
  throw Error(ErrorKind::unsupported, "node '" + plan.graph().nodes()[node].name + "': " + why +
                                          "; run the network with device=\"cpu\"");
}

ConvGeometry Maker::geometry(const Pair& kernel, const Pair& stride, const Pair& dilation) const {
  return {1,
          narrow(in.height),
          narrow(in.width),
          narrow(in.channels),
          narrow(out.height),
          narrow(out.width),
          narrow(out.channels),
          1,
          narrow(kernel[0]),
          narrow(kernel[1]),
          narrow(stride[0]),
          narrow(stride[1]),
          narrow(dilation[0]),
          narrow(dilation[1]),
          0,
          0,
          kernels::Border::zeros};
}

void Maker::operator()(const ThresholdConv2d& op) const {
  ConvGeometry g =
      geometry({op.kernel_h, op.kernel_w}, {op.stride_h, op.stride_w}, {op.dilation_h, op.dilation_w});
  g.groups = narrow(op.groups);
  g.top = static_cast<std::int32_t>(op.padding_h);
  g.left = static_cast<std::int32_t>(op.padding_w);
  g.border = op.border;
  const std::size_t outputs = op.neurons.count, classes = op.offset.size() / outputs;
  std::vector<std::int32_t> thresholds(op.offset);
  for (std::size_t i = 0; i < thresholds.size(); ++i) thresholds[i] += op.neurons.threshold[i % outputs];
  // One class: no tables, whatever the border.
  BorderClasses rows, columns;
  if (classes > 1) {
    rows = border_classes(in.height, op.kernel_h, op.stride_h, op.dilation_h, op.padding_h);
    columns = border_classes(in.width, op.kernel_w, op.stride_w, op.dilation_w, op.padding_w);
    for (std::uint32_t& row : rows.of) row *= narrow(columns.count);
  }
  threshold(g, op.neurons, thresholds, rows.of, columns.of);
}

void Maker::operator()(const ThresholdDense& op) const {
  threshold(dense_geometry(1, narrow(in.channels), narrow(out.channels)), op.neurons, op.neurons.threshold,
            {}, {});
}

void Maker::threshold(const ConvGeometry& g, const Neurons& neurons,
                      const std::vector<std::int32_t>& thresholds,
                      const std::vector<std::uint32_t>& row_class,
                      const std::vector<std::uint32_t>& column_class) const {
  const bool mma =
      plan.options().tensor_cores && mma_supports(g) && plan.has("threshold_conv2d_u64_u64__cuda_mma");
  const PackedWindows masks = mma ? pack_windows_mma(g, neurons.plus.data(), neurons.minus.data())
                                  : pack_windows_simt(g, neurons.plus.data(), neurons.minus.data());
  ThresholdConv2dParams params{};
  params.windows.geometry = g;
  params.windows.form = masks.form;
  const std::size_t outputs = neurons.count, rows = thresholds.size() / outputs;
  const bool classes = rows > 1, ternary = masks.form == kernels::ConvForm::ternary;
  constexpr std::int32_t kNeverFires = std::numeric_limits<std::int32_t>::max();
  const std::size_t tables[] = {
      plan.add_constant(masks.plus),
      plan.add_constant(masks.minus),
      plan.add_constant(pad_lanes(thresholds.data(), rows, narrow(outputs), kNeverFires)),
      plan.add_constant(pack_invert(neurons.invert.data(), narrow(outputs))),
      plan.add_constant(row_class),
      plan.add_constant(column_class)};
  const auto fill = [=, from = source, to = value](ThresholdConv2dParams& p, const Frame& f) {
    p.windows.geometry.images = narrow(f.images);
    p.windows.x = pointer<std::uint64_t>(f.values[from]);
    p.windows.plus = pointer<std::uint64_t>(f.constants + tables[0]);
    if (ternary) p.windows.minus = pointer<std::uint64_t>(f.constants + tables[1]);
    p.threshold = pointer<std::int32_t>(f.constants + tables[2]);
    p.invert = pointer<std::uint32_t>(f.constants + tables[3]);
    if (classes) {
      p.windows.classes.row = pointer<std::uint32_t>(f.constants + tables[4]);
      p.windows.classes.column = pointer<std::uint32_t>(f.constants + tables[5]);
    }
    p.y = pointer<std::uint64_t>(f.values[to]);
  };
  const auto shape = [mma](const ThresholdConv2dParams& p) {
    return mma ? launch_windows_mma(p.windows) : launch_windows_simt(p.windows);
  };
  plan.add(node, std::string("threshold_conv2d_u64_u64__cuda_") + (mma ? "mma" : "simt"), {source}, params,
           shape, fill);
}

void Maker::operator()(const Linear& op) const {
  const std::size_t inputs = in.channels, outputs = op.outputs;
  std::vector<float> transposed(op.weight.size());
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t k = 0; k < inputs; ++k) transposed[k * outputs + o] = op.weight[o * inputs + k];
  LinearParams params{};
  params.inputs = narrow(inputs);
  params.outputs = params.pitch = narrow(outputs);
  const std::size_t weight = plan.add_constant(transposed), bias = plan.add_constant(op.bias);
  plan.add(node, in.kind == ValueKind::bits ? "linear_u64_f32__cuda_simt" : "linear_f32_f32__cuda_simt",
           {source}, params, launch_linear, [=, from = source, to = value](LinearParams& p, const Frame& f) {
             p.images = narrow(f.images);
             p.x = pointer<void>(f.values[from]);
             p.y = pointer<float>(f.values[to]);
             p.weight = pointer<float>(f.constants + weight);
             p.bias = pointer<float>(f.constants + bias);
           });
}

}  // namespace binmorph::cuda
