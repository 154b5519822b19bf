#include "cuda/programs.h"

#include "cuda/steps.h"
#include "kernels/threshold_conv2d/cuda_pack.h"

namespace binmorph::cuda {

void ProgramPlan::add(Plan& plan, const Operation& operation) {
  using kernels::ElementwiseOp;
  const auto table = [&](const std::vector<float>& values) {
    return plan.add_constant(pad_lanes(values.data(), 1, narrow(values.size()), 0.0f));
  };
  ProgramStep& step = program_.steps[program_.count];
  Pointers& pointers = pointers_[program_.count++];
  if (const auto* affine = std::get_if<Affine>(&operation)) {
    step.op = ElementwiseOp::affine;
    pointers.first = table(affine->scale);
    pointers.second = table(affine->shift);
  } else if (const auto* prelu = std::get_if<PRelu>(&operation)) {
    step.op = ElementwiseOp::prelu;
    pointers.first = table(prelu->slope);
  } else if (const auto* clamp = std::get_if<Clamp>(&operation)) {
    step.op = ElementwiseOp::clamp;
    step.low = clamp->low;
    step.high = clamp->high;
  } else if (const auto* levels = std::get_if<LevelSets>(&operation)) {
    step.op = ElementwiseOp::pack;
    pointers.first = table(levels->values);
  } else {
    step.op = ElementwiseOp::add;
  }
}

void ProgramPlan::fill(Program& program, const Frame& frame) const {
  for (std::uint32_t s = 0; s < program_.count; ++s) {
    const Pointers& from = pointers_[s];
    ProgramStep& step = program.steps[s];
    if (from.first != kNone) step.first = pointer<float>(frame.constants + from.first);
    if (from.second != kNone) step.second = pointer<float>(frame.constants + from.second);
    if (from.value != kNone) step.stream = pointer<void>(frame.values[from.value]);
  }
}

Fused single(const Graph& graph, std::size_t node) {
  const Node& n = graph.nodes()[node];
  const Operation& op = n.operation;
  const bool add = std::holds_alternative<Add>(op);
  if (!add && !std::holds_alternative<Affine>(op) && !std::holds_alternative<PRelu>(op) &&
      !std::holds_alternative<Clamp>(op))
    return {{node}, {}, {node}, {}};
  Fused result{{node}, {}, {node}, {{FusedOp::Kind::node, node, 0}, {FusedOp::Kind::store, node, 0}}};
  if (add) result.operands.push_back(n.inputs[1]);
  return result;
}

void Maker::elementwise() const {
  ElementwiseParams params{};
  params.program = program->program();
  const std::size_t pixels = in.height * in.width, from = stream(source);
  plan.add(node, in.kind == ValueKind::int32 ? "elementwise_i32__cuda_simt" : "elementwise_f32__cuda_simt",
           {from}, params, launch_elementwise, [=, after = *program](ElementwiseParams& p, const Frame& f) {
             p.src = pointer<void>(f.values[from]);
             p.pixels = f.images * pixels;
             after.fill(p.program, f);
           });
  plan.amend(program->reads(), program->writes());
}

}  // namespace binmorph::cuda
