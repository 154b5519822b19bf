#include "binmorph/plan.h"

#include <algorithm>

#include "binmorph/error.h"
#include "first_fit.h"
#include "fusion.h"
#include "steps/pooled_rows.h"

namespace binmorph {
namespace {

struct MakeStep {
  const Graph& graph;
  const Fused& fused;
  const Node& node;
  const ValueType& in;
  Packing packing;  // of the input; of what packs the network's, the one to write
  const Target& target;

  bool from_network() const { return node.input() == 0; }
  bool bits() const { return in.kind == ValueKind::bits; }
  std::unique_ptr<Step> operator()(const LevelSets& op) const {
    return from_network() ? make_pack_step(node, in, packing, target) : make_level_sets_step(op, in, target);
  }
  std::unique_ptr<Step> operator()(const PackBinary&) const {
    return make_pack_step(node, in, packing, target);
  }
  std::unique_ptr<Step> operator()(const Bisel& op) const { return make_bisel_step(op, in, target); }
  std::unique_ptr<Step> operator()(const TruthTable& op) const {
    return make_truth_table_step(op, in, target);
  }
  std::unique_ptr<Step> operator()(const ThresholdConv2d& op) const {
    return make_conv2d_step(op, in, target);
  }
  std::unique_ptr<Step> operator()(const MaxPool& op) const {
    if (bits()) return make_max_pool_step(op, in, packing, target);
    return make_float_pool_step(float_pool_shape(op, in), kernels::PoolKind::max, target);
  }
  std::unique_ptr<Step> operator()(const AvgPool& op) const {
    return make_float_pool_step(
        {in.channels, in.height, in.width, op.kernel_h, op.kernel_w, op.stride_h, op.stride_w},
        kernels::PoolKind::average, target);
  }
  std::unique_ptr<Step> operator()(const Flatten&) const {
    return bits() ? make_flatten_step(in, packing, target) : make_flatten_values_step(in, target);
  }
  std::unique_ptr<Step> operator()(const ThresholdDense& op) const { return make_dense_step(op, in, target); }
  std::unique_ptr<Step> operator()(const Linear& op) const {
    return bits() ? make_linear_step(op, in, target) : make_float_linear_step(op, in, target);
  }
  std::unique_ptr<Step> operator()(const Concat&) const {
    std::vector<ValueType> types;
    for (std::size_t value : node.inputs) types.push_back(graph.type(value));
    return make_concat_step(types, target);
  }
  template <class Sum>
  std::unique_ptr<Step> operator()(const Sum&) const {
    return make_sums_step(graph, fused, target);
  }
};

}  // namespace

bool runs_in_planes(const Graph& graph, const Node& node) {
  const ValueType& in = graph.type(node.input());
  if (std::holds_alternative<LevelSets>(node.operation) || std::holds_alternative<PackBinary>(node.operation))
    return node.input() == 0;
  return in.kind == ValueKind::bits &&
         (std::holds_alternative<Bisel>(node.operation) ||
          std::holds_alternative<TruthTable>(node.operation) ||
          std::holds_alternative<MaxPool>(node.operation) ||
          std::holds_alternative<Flatten>(node.operation) || std::holds_alternative<Linear>(node.operation) ||
          std::holds_alternative<ThresholdDense>(node.operation));
}

// The plan while it is made: slots are values in memory, numbered as they are written.
struct Plan::Builder {
  static constexpr std::size_t kNetworkInput = SIZE_MAX;
  struct Slot {
    ValueType type;
    Packing packing;
    std::size_t owner, words, last_use;
  };

  const Graph& graph;
  const Target& target;
  std::vector<PlannedStep>& steps;
  std::vector<Slot> slots;
  std::vector<std::vector<std::size_t>> reads, writes;  // slots per step
  std::vector<std::size_t> slot_of;                     // per value of the graph
  std::vector<std::size_t> other_slot_of;               // of values that lie in both packings

  Builder(const Graph& g, const Target& t, std::vector<PlannedStep>& s)
      : graph(g), target(t), steps(s), slot_of(g.nodes().size() + 1, kNetworkInput), other_slot_of(slot_of) {}

  // The slot of a value in this packing; a step that repacks it comes first where it lies in the other alone.
  std::size_t read(std::size_t value, Packing packing) {
    const ValueType& type = graph.type(value);
    if (slot_of[value] == kNetworkInput) {
      slot_of[0] = add(make_load_step(type, target), {}, {}, {}, true);
      return slot_of[0];
    }
    const std::size_t slot = slot_of[value];
    if (type.kind != ValueKind::bits || type.flat || slots[slot].packing == packing) return slot;
    std::swap(slot_of[value], other_slot_of[value]);
    // What read any packing, as pooling does, take the copy read last: convolutions follow convolutions.
    if (slot_of[value] == kNetworkInput)
      slot_of[value] = add(make_repack_step(type, packing, target), {slot}, {}, {value - 1}, true);
    return slot_of[value];
  }

  // Appends a step; returns the slot of the first value that it writes.
  std::size_t add(std::unique_ptr<Step> step, const std::vector<std::size_t>& from,
                  const std::vector<std::size_t>& nodes, const std::vector<std::size_t>& results,
                  bool repack) {
    const std::size_t first = slots.size();
    PlannedStep planned{std::move(step), nodes, repack, {}, {}, 0, {}, {}};
    std::vector<std::size_t> written;
    const auto write = [&](const ValueType& type) {
      const std::size_t owner = planned.step->alias ? slots[from.front()].owner : slots.size();
      written.push_back(slots.size());
      slots.push_back({type, planned.step->writes, owner,
                       value_words(type, target.layout, planned.step->writes), steps.size()});
    };
    for (std::size_t node : results) {
      const ValueType& type = graph.nodes()[node].type;
      planned.values.push_back({node, 0, value_words(type, target.layout, planned.step->writes),
                                Unloader(type, target.layout, planned.step->writes, target.isa), !repack});
      write(type);
    }
    if (results.empty() && repack) write(graph.type(0));
    reads.push_back(from);
    writes.push_back(written);
    steps.push_back(std::move(planned));
    return first;
  }

  void add_nodes(const Fused& fused) {
    const Node& node = graph.nodes()[fused.nodes.front()];
    const ValueType& in = graph.type(node.input());
    const bool pack = std::holds_alternative<LevelSets>(node.operation) ||
                      std::holds_alternative<PackBinary>(node.operation);
    const bool from_network = node.input() == 0 && pack;
    if (target.layout == Layout::planes && !runs_in_planes(graph, node))
      throw Error(ErrorKind::format,
                  "node '" + node.name + "' runs one image at a time: load without layout='batch-sliced'");
    std::size_t from = from_network ? kNetworkInput : slot_of[node.input()];
    const Packing packing = from_network            ? first_reader(fused.last())
                            : from == kNetworkInput ? Packing::rows
                                                    : slots[from].packing;
    std::unique_ptr<Step> step =
        fused.program.empty() ? std::visit(MakeStep{graph, fused, node, in, packing, target}, node.operation)
                              : make_sums_step(graph, fused, target);
    std::vector<std::size_t> inputs;
    if (!from_network && !step->loads) {
      if (fused.program.empty())
        for (std::size_t value : node.inputs) inputs.push_back(read(value, step->reads));
      else
        inputs.push_back(read(node.input(), step->reads));
      for (std::size_t value : fused.operands) inputs.push_back(read(value, step->reads));
    }
    const std::size_t first = add(std::move(step), inputs, fused.nodes, fused.results, false);
    for (std::size_t i = 0; i < fused.results.size(); ++i) slot_of[fused.results[i] + 1] = first + i;
  }

  // What the first reader of a node's bits wants: convolutions read channels.
  Packing first_reader(std::size_t node) const {
    for (const Node& n : graph.nodes())
      if (n.input() == node + 1)
        return target.layout == Layout::planes || runs_in_planes(graph, n) ? Packing::rows
                                                                           : Packing::channels;
    return Packing::rows;
  }

  // The output's slot stays to the end.
  void finish() {
    const std::size_t last = graph.output();
    for (std::size_t s = 0; s < steps.size(); ++s)
      for (std::size_t i = 0; i < steps[s].values.size(); ++i)
        if (steps[s].values[i].node == last - 1) steps[s].values[i].observed = writes[s][i] == slot_of[last];
    for (std::size_t s = 0; s < steps.size(); ++s) {
      for (std::size_t i : reads[s]) slots[slots[i].owner].last_use = s;
      for (std::size_t i : writes[s]) slots[slots[i].owner].last_use = s;
    }
    slots[slots[slot_of[last]].owner].last_use = steps.size();
    for (std::size_t s = 0; s < steps.size(); ++s) share(s);
  }

  // What a step writes takes the memory of an operand that ends there: half the cache for a residual stream.
  void share(std::size_t s) {
    for (const auto& [read_stream, written_stream] : steps[s].step->in_place) {
      const std::size_t operand = slots[reads[s][read_stream + 1]].owner;
      const std::size_t result = writes[s][written_stream - (reads[s].size() - 1)];
      const auto reads_it = [&](std::size_t slot) { return slots[slot].owner == operand; };
      const bool once = std::count_if(reads[s].begin(), reads[s].end(), reads_it) == 1;
      if (!once || slots[result].owner != result || slots[operand].last_use != s ||
          slots[operand].words != slots[result].words)
        continue;
      slots[operand].last_use = slots[result].last_use;
      for (Slot& slot : slots)
        if (slot.owner == result) slot.owner = operand;
    }
  }

  std::size_t images() const { return target.layout == Layout::rows ? target.images : 1; }

  std::size_t unit_words() const {
    std::size_t most = 0;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      std::size_t words = 0;
      for (const auto* touched : {&reads[s], &writes[s]})
        for (std::size_t slot : *touched) words += slots[slot].words;
      most = std::max(most, words * images());
    }
    return most;
  }

  // Returns the size of the arena in words.
  std::size_t place() {
    FirstFit memory;
    const std::size_t unit = images();
    std::vector<std::size_t> offset(slots.size(), 0);
    const auto at = [&](std::size_t slot) { return PlannedStep::Place{offset[slot], slots[slot].words}; };
    for (std::size_t s = 0; s < steps.size(); ++s) {
      PlannedStep& step = steps[s];
      for (std::size_t i : writes[s])
        offset[i] = slots[i].owner == i
                        ? memory.place(round_to_line(slots[i].words * unit), s, slots[i].last_use)
                        : offset[slots[i].owner];
      for (std::size_t i = 0; i < step.values.size(); ++i) step.values[i].offset = offset[writes[s][i]];
      if (!reads[s].empty()) step.value_in = at(reads[s].front());
      for (std::size_t i = 1; i < reads[s].size(); ++i) step.streams.push_back(at(reads[s][i]));
      for (std::size_t i : writes[s]) step.streams.push_back(at(i));
      if (!writes[s].empty()) step.out = at(writes[s].front());
      step.scratch = memory.place(round_to_line(step.step->scratch_words + step.streams.size()), s, s);
    }
    return memory.size();
  }
};

Plan::Plan(const Graph& graph, const Target& target, bool fuse)
    : target_(target), packed_input_(graph.type(0)), input_bytes_(graph.type(0).bytes()) {
  packed_input_.kind = ValueKind::bits;
  Builder builder(graph, target, steps_);
  std::vector<Fused> fused_steps = fused_nodes(graph, fuse);
  if (fuse) join_pools(graph, kernels::kElementwiseBlock, fused_steps);
  for (const Fused& fused : fused_steps) builder.add_nodes(fused);
  builder.finish();
  unit_words_ = builder.unit_words();
  unload_scratch_ = arena_words_ = builder.place();
  for (const PlannedStep& s : steps_) {
    cost_ += s.step->cost;
    for (const PlannedValue& v : s.values)
      arena_words_ = std::max(arena_words_, unload_scratch_ + round_to_line(v.unload.scratch_words()));
  }
}

}  // namespace binmorph
