// What a convolution costs in each layout: counts of what its kernel does, times measured cycles of each.
#include "kernels/threshold_conv2d/nibbles.h"
#include "kernels/threshold_conv2d/pack.h"
#include "kernels/threshold_conv2d/sextets.h"
#include "kernels/threshold_conv2d/windows.h"

namespace binmorph::kernels {
namespace {

#include "kernels/threshold_conv2d/costs.inc"

// Pixels of a kernel that takes eight at a time, then four, two, one: fewer do not hide the latency of sums.
std::size_t tiled_pixels(std::size_t pixels) {
  const std::size_t rest = pixels % 8;
  return pixels / 8 * 8 + 4 * (rest >> 2) + 3 * (rest >> 1 & 1) + 2 * (rest & 1);
}

// Stretches of a pass after which the kernel for sextets settles.
std::size_t stretches(std::size_t units) {
  const std::size_t rest = units % kPassUnits;
  return units / kPassUnits + rest / 4 + rest % 4 / 2 + rest % 2;
}

// The terms are measured with weights in cache. In a network they come from memory: the kernel for sextets,
// with 13 bytes per 64 inputs and output, then takes a twelfth longer on 512 channels (a chain of eight such
// layers), the others no longer that could be measured.
double weight_cycles(ConvLayout layout, const ConvShape& s, ConvForm form) {
  if (layout != ConvLayout::sextets) return 0;
  constexpr std::size_t kInCache = std::size_t{256} << 10;
  constexpr double kCyclesPerByte = 0.1;
  const std::size_t lanes = s.groups * round_up(s.group_outputs(), conv_lane_multiple(layout));
  const std::size_t bytes = lanes * Sextets(s, form).units() * kUnitSteps;
  return bytes < kInCache ? 0 : kCyclesPerByte * static_cast<double>(bytes - kInCache);
}

}  // namespace

ConvTerms conv_terms(ConvLayout layout, const ConvShape& s, ConvForm form) {
  const std::size_t copies = form == ConvForm::ternary ? 2 : 1, pixels = s.out_height() * s.out_width();
  const std::size_t group_lanes = round_up(s.group_outputs(), conv_lane_multiple(layout));
  const std::size_t lanes = s.groups * group_lanes, taps = s.kernel_h * s.kernel_w;
  const std::size_t unit_bits = layout == ConvLayout::words ? 16 : 64;
  const std::size_t units = (s.group_channels() + unit_bits - 1) / unit_bits;
  const std::size_t extended = s.groups * s.extended_height() * s.extended_width() * units;
  const bool as_it_lies = s.groups == 1 && units * unit_bits == words_for(s.channels) * 64;
  const bool moved = lanes != s.out_channels || s.out_channels % 64 != 0;
  std::size_t results = 0, runs = s.dilation_w == 1 ? s.kernel_h : taps, passes = 0, steps = 0, tables = 0;
  switch (layout) {
    case ConvLayout::rows:
      results = pixels * lanes;
      runs *= results;
      steps = results * taps * units * copies;
      break;
    case ConvLayout::words:
      results = tiled_pixels(pixels) * (lanes / 32);
      runs *= results;
      steps = results * taps * units;
      tables = form == ConvForm::ternary ? steps : 0;  // a second operand
      break;
    case ConvLayout::nibbles: {
      const NibbleRuns n(s);
      const std::size_t columns = (s.out_width() + 1) / 2;
      results = (s.out_height() / 2 * s.out_width() + s.out_height() % 2 * columns) * (lanes / 32);
      runs = results * copies * n.count * ((n.padded + kPieceSteps - 1) / kPieceSteps);
      steps = results * copies * n.count * n.padded;
      tables = extended * 16;  // codes
      break;
    }
    case ConvLayout::sextets: {
      const Sextets n(s, form);
      const Strips strips = strips_of(s, n, s.out_height());
      results = s.groups * strips.rows * strips.columns * (group_lanes / kSextetLanes);
      passes = results * ((n.units() + kPassUnits - 1) / kPassUnits);
      runs = results * stretches(n.units());
      steps = results * n.units();
      tables = s.groups * strips.tables(s) * n.words;
      break;
    }
    case ConvLayout::windows:
      results = pixels * (lanes / kConvBlock);
      steps = results * window_units(s);
      runs = s.groups * s.out_height();
      // Eight windows joined by a tap; a gather takes as long as three loads.
      tables = s.groups * s.out_height() * taps * (s.out_width() + 7) / 8 * (s.stride_w == 1 ? 1 : 3);
      break;
  }
  const auto number = [](std::size_t n) { return static_cast<double>(n); };
  return {1,
          as_it_lies ? number(extended) : 0,
          as_it_lies ? 0 : number(extended),
          moved ? number(pixels) : 0,
          moved ? number(pixels * lanes) : 0,
          number(results),
          number(passes),
          number(runs),
          number(steps),
          number(tables)};
}

double conv_cycles(ConvLayout layout, const ConvShape& shape, ConvForm form) {
  const ConvTerms terms = conv_terms(layout, shape, form);
  double cycles = weight_cycles(layout, shape, form);
  for (std::size_t i = 0; i < terms.size(); ++i)
    cycles += terms[i] * kCyclesPerTerm[static_cast<std::size_t>(layout)][i];
  return cycles;
}

}  // namespace binmorph::kernels
