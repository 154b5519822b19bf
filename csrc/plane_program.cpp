#include "binmorph/plane_program.h"

#include <algorithm>

#include "binmorph/error.h"
#include "kernels/common/bits.h"

namespace binmorph {
namespace {

using kernels::Term;
using kernels::TermOp;

struct Literal {
  std::size_t input;
  bool negated;
};

// [number of true literals >= threshold] XOR invert. Zero literals make a constant: threshold 0 is one, 1 is
// zero.
struct Gate {
  std::vector<Literal> literals;
  std::int64_t threshold = 0;
  bool invert = false;

  bool constant() const { return literals.empty(); }
  bool value() const { return (threshold <= 0) != invert; }
  bool all() const { return threshold == static_cast<std::int64_t>(literals.size()); }
  bool any() const { return threshold == 1; }

  void simplify() {
    if (threshold <= 0 || threshold > static_cast<std::int64_t>(literals.size())) {
      threshold = threshold <= 0 ? 0 : 1;
      literals.clear();
    }
  }

  // De Morgan: NOT(all of x) = any of NOT x, and the other way round.
  bool drop_inversion() {
    if (!invert || !(all() || any())) return !invert;
    const bool was_all = all();
    for (Literal& l : literals) l.negated = !l.negated;
    threshold = was_all ? 1 : static_cast<std::int64_t>(literals.size());
    invert = false;
    return true;
  }
};

Gate gate_of(const Neurons& neurons, std::size_t index) {
  const std::size_t pitch = words_for(neurons.inputs);
  const std::uint64_t *plus = &neurons.plus[index * pitch], *minus = &neurons.minus[index * pitch];
  Gate gate;
  gate.threshold = neurons.threshold[index];
  gate.invert = neurons.invert[index] != 0;
  for (std::size_t i = 0; i < neurons.inputs; ++i)
    if (get_bit(plus, i)) gate.literals.push_back({i, false});
  for (std::size_t i = 0; i < neurons.inputs; ++i)
    if (get_bit(minus, i)) {
      gate.literals.push_back({i, true});
      ++gate.threshold;  // -x counts as NOT x, minus one
    }
  gate.simplify();
  return gate;
}

class Builder {
 public:
  PlaneProgramStorage storage;

  void add_neuron(const std::vector<Gate>& terms, const Gate* combine) {
    kernels::PlaneNeuron neuron{};
    neuron.first_term = static_cast<std::uint32_t>(storage.terms.size());
    neuron.terms = static_cast<std::uint32_t>(terms.size());
    for (const Gate& gate : terms) storage.terms.push_back(make_term(gate));
    if (combine != nullptr) neuron.combine = make_term(*combine);
    storage.max_terms = std::max(storage.max_terms, terms.size());
    storage.neurons.push_back(neuron);
  }

 private:
  Term make_term(const Gate& gate) {
    Term term{};
    const std::size_t n = gate.literals.size();
    if (storage.taps.size() + n > UINT32_MAX)
      throw Error(ErrorKind::shape, "a layer has more than 2^32 taps");
    term.first_tap = static_cast<std::uint32_t>(storage.taps.size());
    for (bool negated : {false, true})
      for (const Literal& l : gate.literals)
        if (l.negated == negated) {
          if (l.input > UINT32_MAX) throw Error(ErrorKind::shape, "a layer spans more than 2^32 words");
          storage.taps.push_back(static_cast<std::uint32_t>(l.input));
          ++(negated ? term.negative : term.positive);
        }
    term.invert = gate.invert;
    if (gate.constant()) {
      term.op = gate.threshold <= 0 ? TermOp::all : TermOp::any;
    } else if (gate.all() || gate.any()) {
      term.op = gate.all() ? TermOp::all : TermOp::any;
    } else {
      term.op = TermOp::count;
      term.threshold = static_cast<std::uint32_t>(gate.threshold);
      while ((std::size_t{1} << term.counter_bits) < n) ++term.counter_bits;
    }
    return term;
  }
};

// Adds LUI neuron `lui` over the gates of its channels.
void add_combined(Builder& builder, const Gate& lui, std::vector<Gate> channel_gates) {
  Gate outer;
  outer.threshold = lui.threshold;
  outer.invert = lui.invert;
  std::vector<Gate> terms;
  for (const Literal& l : lui.literals) {
    Gate& term = channel_gates[l.input];
    term.invert = term.invert != l.negated;
    if (term.constant()) {
      outer.threshold -= term.value();
      continue;
    }
    outer.literals.push_back({terms.size(), false});
    terms.push_back(std::move(term));
  }
  outer.simplify();
  if (outer.constant()) return builder.add_neuron({outer}, nullptr);
  if (terms.size() == 1) {
    terms[0].invert = terms[0].invert != outer.invert;
    return builder.add_neuron(terms, nullptr);
  }
  if (outer.all() || outer.any()) {
    const bool all = outer.all();
    Gate merged;
    std::vector<Gate> kept;
    for (Gate& term : terms) {
      const bool plain = term.drop_inversion();
      if (plain && (all ? term.all() : term.any()))
        merged.literals.insert(merged.literals.end(), term.literals.begin(), term.literals.end());
      else
        kept.push_back(std::move(term));
    }
    if (!merged.literals.empty()) {
      merged.threshold = all ? static_cast<std::int64_t>(merged.literals.size()) : 1;
      kept.push_back(std::move(merged));
    }
    terms = std::move(kept);
    outer.literals.resize(terms.size());
    outer.threshold = all ? static_cast<std::int64_t>(terms.size()) : 1;
    if (terms.size() == 1) {
      terms[0].invert = terms[0].invert != outer.invert;
      return builder.add_neuron(terms, nullptr);
    }
  }
  builder.add_neuron(terms, &outer);
}

}  // namespace

PlaneProgramStorage compile_bisel(const Bisel& op, std::size_t channels, const TapOffset& offset) {
  Builder builder;
  for (std::size_t o = 0; o < op.lui.count; ++o) {
    std::vector<Gate> gates;
    for (std::size_t c = 0; c < channels; ++c) {
      gates.push_back(gate_of(op.bise, o * channels + c));
      for (Literal& l : gates.back().literals)
        l.input = offset(c, l.input / op.kernel_w, l.input % op.kernel_w);
    }
    add_combined(builder, gate_of(op.lui, o), std::move(gates));
  }
  return std::move(builder.storage);
}

PlaneProgramStorage compile_dense(const Neurons& neurons, std::size_t lane_words) {
  Builder builder;
  for (std::size_t o = 0; o < neurons.count; ++o) {
    Gate gate = gate_of(neurons, o);
    for (Literal& l : gate.literals) l.input *= lane_words;
    builder.add_neuron({gate}, nullptr);
  }
  return std::move(builder.storage);
}

}  // namespace binmorph
