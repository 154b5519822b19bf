#include "binmorph/plane_program.h"

#include <algorithm>
#include <map>

#include "binmorph/error.h"
#include "gates.h"

namespace binmorph {
namespace {

using kernels::Term;
using kernels::TermOp;

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
    storage.same_as.push_back(known_.try_emplace(described(neuron), storage.neurons.size()).first->second);
    storage.neurons.push_back(neuron);
  }

 private:
  // All that a neuron computes with: equal descriptions are equal neurons.
  std::vector<std::uint32_t> described(const kernels::PlaneNeuron& neuron) const {
    std::vector<std::uint32_t> text{neuron.terms};
    const auto add = [&](const Term& t) {
      text.insert(text.end(),
                  {t.positive, t.negative, t.threshold, static_cast<std::uint32_t>(t.op), t.invert});
      const auto taps = storage.taps.begin() + t.first_tap;
      text.insert(text.end(), taps, taps + t.positive + t.negative);
    };
    for (std::size_t i = 0; i < neuron.terms; ++i) add(storage.terms[neuron.first_term + i]);
    if (neuron.terms > 1) add(neuron.combine);
    return text;
  }

  std::map<std::vector<std::uint32_t>, std::size_t> known_;

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
