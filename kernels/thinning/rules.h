// The rules: which neighbourhoods lose their pixel. Bit 0 of a neighbourhood is the neighbour to the east,
// bit 1 the north-east, and on counter-clockwise to bit 7, the south-east.
#pragma once

#include "kernels/thinning/thinning.h"

namespace binmorph::kernels {
namespace {

constexpr bool has(unsigned n, int neighbour) { return (n >> (neighbour % 8) & 1) != 0; }

constexpr bool guo_hall_removes(unsigned n, bool second) {
  int crossings = 0, pairs_before = 0, pairs_after = 0;
  for (int i = 0; i < 8; i += 2) {
    crossings += !has(n, i) && (has(n, i + 1) || has(n, i + 2));
    pairs_before += has(n, i) || has(n, i + 1);
    pairs_after += has(n, i + 1) || has(n, i + 2);
  }
  const int fewer = pairs_before < pairs_after ? pairs_before : pairs_after;
  if (crossings != 1 || fewer < 2 || fewer > 3) return false;
  const int side = second ? 4 : 0;
  return !((has(n, side + 1) || has(n, side + 2) || !has(n, side + 7)) && has(n, side));
}

// scikit-image's table departs from the paper in 25 of the 256 neighbourhoods (mostly pairs and corners,
// which it removes from one side only or as well), 16 of them in its first pass and 15 in its second.
constexpr unsigned char kDepartures[2][16] = {
    {0x05, 0x0d, 0x14, 0x16, 0x18, 0x30, 0x34, 0x36, 0x41, 0x50, 0x58, 0x60, 0x70, 0x81, 0xc0, 0xc1},
    {0x03, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x18, 0x1c, 0x41, 0x50, 0x61, 0x63, 0x85, 0xc0, 0xd0},
};

constexpr bool zhang_suen_removes(unsigned n, bool second) {
  int ones = 0, rises = 0;
  for (int i = 0; i < 8; ++i) {
    ones += has(n, i);
    rises += !has(n, i) && has(n, i + 1);
  }
  const bool east = has(n, 0), north = has(n, 2), west = has(n, 4), south = has(n, 6);
  const bool spared = second ? (north && west && (east || south)) : (east && south && (north || west));
  bool result = ones >= 2 && ones <= 6 && rises == 1 && !spared;
  for (const unsigned char departure : kDepartures[second ? 1 : 0])
    if (departure != 0 && departure == n) result = !result;
  return result;
}

constexpr bool removes(ThinRule rule, unsigned n) {
  const bool second = rule == ThinRule::guo_hall_2 || rule == ThinRule::zhang_suen_2;
  return rule == ThinRule::guo_hall_1 || rule == ThinRule::guo_hall_2 ? guo_hall_removes(n, second)
                                                                      : zhang_suen_removes(n, second);
}

}  // namespace
}  // namespace binmorph::kernels
