// Threshold neurons as gates over literals: what the programs of the planes are compiled from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "binmorph/graph.h"

namespace binmorph {

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

  // A constant loses its literals.
  void simplify();

  // De Morgan: NOT(all of x) = any of NOT x, and the other way round. False if it stays inverted.
  bool drop_inversion();
};

Gate gate_of(const Neurons& neurons, std::size_t index);

}  // namespace binmorph
