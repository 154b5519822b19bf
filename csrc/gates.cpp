#include "gates.h"

#include "kernels/common/bits.h"

namespace binmorph {

void Gate::simplify() {
  if (threshold <= 0 || threshold > static_cast<std::int64_t>(literals.size())) {
    threshold = threshold <= 0 ? 0 : 1;
    literals.clear();
  }
}

bool Gate::drop_inversion() {
  if (!invert || !(all() || any())) return !invert;
  const bool was_all = all();
  for (Literal& l : literals) l.negated = !l.negated;
  threshold = was_all ? 1 : static_cast<std::int64_t>(literals.size());
  invert = false;
  return true;
}

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

}  // namespace binmorph
