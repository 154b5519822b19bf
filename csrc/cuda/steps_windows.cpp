// Windows and fully connected layers of threshold neurons, and the float layer at the end.
#include <limits>

#include "binmorph/error.h"
#include "cuda/steps.h"
#include "kernels/linear/cuda_linear.h"
#include "kernels/threshold_conv2d/cuda_pack.h"

namespace binmorph::cuda {

void plan_group(Plan& plan, const Fused& fused) {
  const std::size_t node = fused.nodes.front();
  const Node& n = plan.graph().nodes()[node];
  const std::size_t source = n.input();
  const auto stream = [&](std::size_t value) { return value == 0 ? plan.input_stream(node) : value; };
  const ProgramPlan program(plan, fused, n.type.channels, stream);
  const Maker maker{plan, node, source, node + 1, plan.graph().type(source), n.type, &program};
  const bool sign = std::holds_alternative<LevelSets>(n.operation) && !program.empty();
  if (sign)
    maker.elementwise();
  else
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

std::string Maker::Masks::suffix() const { return mma ? "__cuda_mma" : "__cuda_simt"; }

PixelClasses Maker::Classes::at(const Frame& f) const {
  if (!several) return {nullptr, nullptr};
  return {pointer<std::uint32_t>(f.constants + row), pointer<std::uint32_t>(f.constants + column)};
}

void Maker::set_windows(BitWindows& w, const Masks& m, const Classes& c, const Frame& f, std::size_t from) {
  w.geometry.images = narrow(f.images);
  w.form = m.form;
  w.x = pointer<std::uint64_t>(f.values[from]);
  w.plus = pointer<std::uint64_t>(f.constants + m.plus);
  if (m.form == kernels::ConvForm::ternary) w.minus = pointer<std::uint64_t>(f.constants + m.minus);
  w.classes = c.at(f);
}

Maker::Masks Maker::masks(const ConvGeometry& g, const std::string& op, const std::uint64_t* plus,
                          const std::uint64_t* minus) const {
  const bool mma =
      plan.options().tensor_cores != TensorCores::none && mma_supports(g) && plan.has(op + "__cuda_mma");
  const PackedWindows packed = mma ? pack_windows_mma(g, plus, minus) : pack_windows_simt(g, plus, minus);
  return {mma, packed.form, plan.add_constant(packed.plus), plan.add_constant(packed.minus)};
}

// By warpgroups where there is a kernel and, unless they are asked for, products are not mostly padding.
std::optional<Maker::Tiles> Maker::tiles(const ConvGeometry& g, const std::string& op,
                                         const std::uint64_t* plus, const std::uint64_t* minus,
                                         const std::vector<std::int32_t>* thresholds) const {
  constexpr std::uint32_t kFewOutputs = 32, kFewInputs = 128;
  const TensorCores wish = plan.options().tensor_cores;
  const bool worth = g.out_channels >= kFewOutputs && g.channels * taps(g) >= kFewInputs;
  if (wish != TensorCores::warpgroups && (wish != TensorCores::best || !worth)) return {};
  const kernels::ConvForm form = form_of(g, plus, minus);
  const bool bits = thresholds != nullptr;
  const DeviceInfo& info = plan.device();
  const auto tile =
      plan_tiles(g, form, bits ? narrow(thresholds->size() / g.out_channels) : 1, bits,
                 narrow(static_cast<std::size_t>(info.multiprocessors)), narrow(info.shared_bytes));
  if (!tile) return {};
  // Weights that stay in shared memory pay if they are wide enough for the pixels' share of L2's rate.
  const bool large = g.out_channels >= kDenseColumns && g.channels >= 64 * kSliceWords;
  if (large && tile->columns < kDenseColumns && plan_dense(g, form, 1)) return {};
  std::string entry = op + "__cuda_wgmma";
  if (bits) entry += "_n" + std::to_string(tile->columns);
  if (!plan.has(entry)) return {};
  const auto packed = pack_tiles(g, form, *tile, plus, minus, bits ? thresholds->data() : nullptr);
  return Tiles{entry, form, *tile, plan.add_constant(packed)};
}

// What is left: layers whose weights do not stay in shared memory.
std::optional<Maker::LargeDense> Maker::large_dense(const ConvGeometry& g, const std::uint64_t* plus,
                                                    const std::uint64_t* minus,
                                                    const std::vector<std::int32_t>* thresholds) const {
  constexpr std::uint32_t kFewInputs = 1024;
  const TensorCores wish = plan.options().tensor_cores;
  const bool worth = g.out_channels >= kDenseColumns / 2 && g.channels >= kFewInputs;
  if (wish != TensorCores::warpgroups && (wish != TensorCores::best || !worth)) return {};
  const kernels::ConvForm form = form_of(g, plus, minus);
  const auto dense = plan_dense(g, form, narrow(static_cast<std::size_t>(plan.device().multiprocessors)));
  const std::string entry = thresholds != nullptr ? "threshold_dense_u64_u64" : "count_dense_u64_i32";
  if (!dense || !plan.has(entry + "__cuda_wgmma")) return {};
  const auto packed =
      pack_dense(g, form, *dense, plus, minus, thresholds != nullptr ? thresholds->data() : nullptr);
  return LargeDense{entry + "__cuda_wgmma", form, *dense, plan.add_constant(packed)};
}

ConvGeometry Maker::geometry(const Window& op) const {
  ConvGeometry g =
      geometry({op.kernel_h, op.kernel_w}, {op.stride_h, op.stride_w}, {op.dilation_h, op.dilation_w});
  g.groups = narrow(op.groups);
  g.top = static_cast<std::int32_t>(op.padding_h);
  g.left = static_cast<std::int32_t>(op.padding_w);
  g.border = op.border;
  return g;
}

Maker::Classes Maker::classes(const Window& op, std::size_t count) const {
  if (count == 1) return {};  // no tables, whatever the border
  BorderClasses rows = border_classes(in.height, op.kernel_h, op.stride_h, op.dilation_h, op.padding_h);
  const BorderClasses columns =
      border_classes(in.width, op.kernel_w, op.stride_w, op.dilation_w, op.padding_w);
  for (std::uint32_t& row : rows.of) row *= narrow(columns.count);
  return {true, plan.add_constant(rows.of), plan.add_constant(columns.of)};
}

void Maker::operator()(const ThresholdConv2d& op) const {
  const std::size_t outputs = op.neurons.count;
  std::vector<std::int32_t> thresholds(op.offset);
  for (std::size_t i = 0; i < thresholds.size(); ++i) thresholds[i] += op.neurons.threshold[i % outputs];
  threshold(geometry(op), op.neurons, thresholds, classes(op, thresholds.size() / outputs));
}

void Maker::operator()(const ThresholdDense& op) const {
  threshold(dense_geometry(1, narrow(in.channels), narrow(out.channels)), op.neurons, op.neurons.threshold,
            {});
}

void Maker::threshold(const ConvGeometry& g, const Neurons& neurons,
                      const std::vector<std::int32_t>& thresholds, const Classes& c) const {
  ThresholdConv2dParams params{};
  params.windows.geometry = g;
  const std::size_t outputs = neurons.count;
  constexpr std::int32_t kNeverFires = std::numeric_limits<std::int32_t>::max();
  const std::size_t table = plan.add_constant(
      pad_lanes(thresholds.data(), thresholds.size() / outputs, narrow(outputs), kNeverFires));
  const std::size_t invert = plan.add_constant(pack_invert(neurons.invert.data(), narrow(outputs)));
  windows("threshold_conv2d_u64_u64", params, neurons.plus.data(), neurons.minus.data(), c, &thresholds,
          [=, to = value](ThresholdConv2dParams& p, const Frame& f) {
            p.threshold = pointer<std::int32_t>(f.constants + table);
            p.invert = pointer<std::uint32_t>(f.constants + invert);
            p.y = pointer<std::uint64_t>(f.values[to]);
          });
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
