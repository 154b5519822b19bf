#include "decision_program.h"

#include <algorithm>
#include <numeric>

#include "binmorph/error.h"
#include "gates.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

using kernels::Decision;
using kernels::kDecisionFlag;
using Value = DecisionBuilder::Value;

constexpr std::size_t kConstants = 2;

bool is_vertex(Value value) { return (value & kDecisionFlag) != 0 && (value & ~kDecisionFlag) >= kConstants; }

std::size_t vertex_of(Value value) { return (value & ~kDecisionFlag) - kConstants; }

// The gate over `inputs`, one value per literal: paths that have counted as many literals meet again. Empty
// if it would take the builder past `limit`.
std::optional<Value> gate_value(DecisionBuilder& builder, const Gate& gate, const std::vector<Value>& inputs,
                                std::size_t limit) {
  if (gate.constant()) return gate.value() ? DecisionBuilder::kOne : DecisionBuilder::kZero;
  const std::size_t n = gate.literals.size(), threshold = static_cast<std::size_t>(gate.threshold);
  if (builder.size() + threshold * (n + 1 - threshold) > limit) return std::nullopt;
  // value[k]: at least k of the literals from i on.
  std::vector<Value> value(threshold + 1, DecisionBuilder::kZero);
  value[0] = DecisionBuilder::kOne;
  for (std::size_t i = n; i-- > 0;)
    for (std::size_t k = threshold; k > (i < threshold ? threshold - i - 1 : 0); --k) {
      const Value with = value[k - 1], without = value[k];
      const bool negated = gate.literals[i].negated;
      value[k] = builder.choose(inputs[i], negated ? without : with, negated ? with : without);
    }
  return gate.invert ? builder.negated(value[threshold]) : value[threshold];
}

// The reduced ordered decision diagram of a truth table; entry sum_i x_i 2^i is its value.
class TableCompiler {
 public:
  TableCompiler(DecisionBuilder& builder, const std::uint64_t* table, std::vector<Value> taps)
      : builder_(builder), taps_(std::move(taps)), memo_(taps_.size() + 1) {
    order_by_influence(table);
  }

  Value value() { return build(0, taps_.size()); }

 private:
  // What turns the result on most inputs is asked first: diagrams of threshold functions stay small.
  void order_by_influence(const std::uint64_t* table) {
    const std::size_t n = taps_.size(), size = std::size_t{1} << n;
    std::vector<std::size_t> influence(n, 0), order(n), source(size, 0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t x = 0; x < size; ++x)
        influence[i] += get_bit(table, x) != get_bit(table, x ^ (std::size_t{1} << i));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return influence[a] < influence[b]; });
    std::vector<Value> taps;
    for (std::size_t i : order) taps.push_back(taps_[i]);
    taps_ = std::move(taps);
    bits_.assign(words_for(size), 0);
    for (std::size_t x = 0; x < size; ++x) {
      for (std::size_t i = n; i-- > 0 && source[x] == 0 && x != 0;)
        if (x >> i & 1) source[x] = source[x ^ (std::size_t{1} << i)] | std::size_t{1} << order[i];
      set_bit(bits_.data(), x, get_bit(table, source[x]));
    }
  }

  // Of the 2^count entries from `first` on.
  Value build(std::size_t first, std::size_t count) {
    if (count == 0) return get_bit(bits_.data(), first) ? DecisionBuilder::kOne : DecisionBuilder::kZero;
    std::vector<std::uint64_t> key;
    if (count < 6)
      key = {bits_[first / 64] >> (first % 64) & tail_mask(std::size_t{1} << count)};
    else
      key.assign(&bits_[first / 64], &bits_[first / 64] + (std::size_t{1} << (count - 6)));
    const auto found = memo_[count].find(key);
    if (found != memo_[count].end()) return found->second;
    const std::size_t half = std::size_t{1} << (count - 1);
    const Value low = build(first, count - 1), high = build(first + half, count - 1);
    return memo_[count][std::move(key)] = builder_.choose(taps_[count - 1], high, low);
  }

  DecisionBuilder& builder_;
  std::vector<Value> taps_;
  std::vector<std::uint64_t> bits_;
  std::vector<std::map<std::vector<std::uint64_t>, Value>> memo_;  // by the number of inputs that are left
};

}  // namespace

Value DecisionBuilder::tap(std::size_t word) {
  if (word >= kDecisionFlag) throw Error(ErrorKind::shape, "a layer spans more than 2^31 words");
  return static_cast<Value>(word);
}

Value DecisionBuilder::choose(Value select, Value high, Value low) {
  if (high == select) high = kOne;
  if (low == select) low = kZero;
  if (high == low || select == kOne) return high;
  if (select == kZero) return low;
  if (high == kOne && low == kZero) return select;
  const auto [at, fresh] = known_.try_emplace({select, high, low}, 0);
  if (fresh) {
    if (vertices_.size() + kConstants >= kDecisionFlag)
      throw Error(ErrorKind::shape, "a layer takes more than 2^31 decisions");
    at->second = kDecisionFlag | static_cast<Value>(vertices_.size() + kConstants);
    vertices_.push_back({select, high, low});
  }
  return at->second;
}

DecisionProgramStorage DecisionBuilder::finish() const {
  const std::size_t count = vertices_.size();
  std::vector<std::size_t> readers(count, 0);
  std::vector<std::vector<std::uint32_t>> written(count);  // outputs
  std::vector<Decision> list;                              // slots are vertices yet
  for (std::size_t o = 0; o < outputs_.size(); ++o) {
    const Value value = outputs_[o];
    const auto target = kDecisionFlag | static_cast<std::uint32_t>(o);
    if (is_vertex(value))
      written[vertex_of(value)].push_back(target);
    else
      list.push_back({kOne, value, value, target});
  }
  // Vertices are in an order in which each comes after what it reads.
  for (std::size_t v = count; v-- > 0;)
    if (readers[v] > 0 || !written[v].empty())
      for (Value read : {vertices_[v].select, vertices_[v].high, vertices_[v].low})
        if (is_vertex(read)) ++readers[vertex_of(read)];
  for (std::size_t v = 0; v < count; ++v) {
    if (readers[v] == 0 && written[v].empty()) continue;
    const Vertex& vertex = vertices_[v];
    const bool straight = readers[v] == 0 && written[v].size() == 1;  // no slot
    const auto self = kDecisionFlag | static_cast<Value>(v + kConstants);
    list.push_back({vertex.select, vertex.high, vertex.low,
                    straight ? written[v].front() : static_cast<std::uint32_t>(v + kConstants)});
    if (straight) continue;
    for (std::uint32_t target : written[v]) list.push_back({kOne, self, self, target});
  }
  std::vector<std::size_t> last(count, 0);
  for (std::size_t i = 0; i < list.size(); ++i)
    for (Value read : {list[i].select, list[i].high, list[i].low})
      if (is_vertex(read)) last[vertex_of(read)] = i;
  DecisionProgramStorage program;
  program.outputs = outputs_.size();
  std::vector<std::uint32_t> slot(count, 0), free;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Decision& d = list[i];
    for (std::uint32_t* read : {&d.select, &d.high, &d.low}) {
      if (!is_vertex(*read)) continue;
      const std::size_t v = vertex_of(*read);
      // A decision may write the slot that it reads; one that it reads twice is given back once.
      if (last[v] == i) {
        last[v] = SIZE_MAX;
        free.push_back(slot[v]);
      }
      *read = kDecisionFlag | slot[v];  // its number, until all are known
    }
    if (d.target & kDecisionFlag) continue;
    const std::size_t v = d.target - kConstants;
    if (free.empty()) free.push_back(static_cast<std::uint32_t>(program.slots++));
    d.target = slot[v] = free.back();
    free.pop_back();
  }
  if (program.slots * kernels::kDecisionBlockWords >= kDecisionFlag)
    throw Error(ErrorKind::shape, "a layer keeps more than 2^26 decisions at once");
  constexpr auto kBlock = static_cast<std::uint32_t>(kernels::kDecisionBlockWords);
  for (Decision& d : list) {
    for (std::uint32_t* read : {&d.select, &d.high, &d.low})
      if (*read & kDecisionFlag) *read = kDecisionFlag | (*read & ~kDecisionFlag) * kBlock;
    if (!(d.target & kDecisionFlag)) d.target *= kBlock;
  }
  program.decisions = std::move(list);
  return program;
}

std::optional<DecisionProgramStorage> compile_decisions(const Bisel& op, std::size_t channels,
                                                        const TapOffset& offset, std::size_t limit) {
  DecisionBuilder builder;
  for (std::size_t o = 0; o < op.lui.count; ++o) {
    std::vector<Value> joined;
    const Gate lui = gate_of(op.lui, o);
    for (const Literal& channel : lui.literals) {
      const Gate gate = gate_of(op.bise, o * channels + channel.input);
      std::vector<Value> taps;
      for (const Literal& l : gate.literals)
        taps.push_back(
            DecisionBuilder::tap(offset(channel.input, l.input / op.kernel_w, l.input % op.kernel_w)));
      const std::optional<Value> value = gate_value(builder, gate, taps, limit);
      if (!value) return std::nullopt;
      joined.push_back(*value);
    }
    const std::optional<Value> value = gate_value(builder, lui, joined, limit);
    if (!value) return std::nullopt;
    builder.output(*value);
  }
  return builder.finish();
}

DecisionProgramStorage compile_decisions(const TruthTable& op, const TapOffset& offset) {
  DecisionBuilder builder;
  const std::size_t window = op.kernel_h * op.kernel_w;
  const std::size_t pitch = words_for(std::size_t{1} << op.reads * window);
  for (std::size_t o = 0; o < op.outputs; ++o) {
    std::vector<Value> taps;
    for (std::size_t c = 0; c < op.reads; ++c)
      for (std::size_t i = 0; i < window; ++i)
        taps.push_back(DecisionBuilder::tap(offset(static_cast<std::size_t>(op.channels[o * op.reads + c]),
                                                   i / op.kernel_w, i % op.kernel_w)));
    builder.output(TableCompiler(builder, &op.table[o * pitch], std::move(taps)).value());
  }
  return builder.finish();
}

}  // namespace binmorph
