// The validated graph: what the file says, checked again. Nothing past this header trusts a caller.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "kernels/window/window.h"

namespace binmorph {

enum class ValueKind { bits, int32, float32, uint8 };

// Shape without the batch: (channels, height, width), or (features, 1, 1) when `flat`.
struct ValueType {
  ValueKind kind = ValueKind::bits;
  bool flat = false;
  std::size_t channels = 0, height = 1, width = 1;
  std::size_t size() const { return channels * height * width; }
  // Of an image, as a caller sees it.
  std::size_t bytes() const {
    return size() * (kind == ValueKind::float32 || kind == ValueKind::int32 ? 4 : 1);
  }
};

// `count` threshold neurons of `inputs` bits each: masks are rows of words_for(inputs) words, tails zero,
// plus and minus disjoint, and -|minus| <= threshold <= |plus| + 1.
struct Neurons {
  std::size_t count = 0, inputs = 0;
  std::vector<std::uint64_t> plus, minus;
  std::vector<std::int32_t> threshold;
  std::vector<std::uint8_t> invert;
};

struct LevelSets {
  std::size_t levels = 0;
  std::vector<float> values;  // [channels][levels]
};
struct PackBinary {};
struct Bisel {
  std::size_t kernel_h = 0, kernel_w = 0;
  kernels::Border border = kernels::Border::replicate;
  Neurons bise;  // outputs * channels neurons (output-major) of kernel_h * kernel_w inputs
  Neurons lui;   // outputs neurons of `channels` inputs
};
// Boolean functions of up to 16 inputs by their tables: output o reads a window of channels[o][0..reads), and
// the entry sum_i x_i 2^i of its table, inputs in the order [channel][row][column].
struct TruthTable {
  static constexpr std::size_t kMostInputs = 16;
  std::size_t kernel_h = 0, kernel_w = 0;
  kernels::Border border = kernels::Border::replicate;
  std::size_t outputs = 0, reads = 0;
  std::vector<std::int32_t> channels;  // [outputs][reads]
  std::vector<std::uint64_t> table;    // [outputs][words_for(2^inputs)], tails zero
};
// The geometry of a convolution; "by class" is an array [classes][outputs], one class for each kind of border
// (border_classes, rows x columns) or a single one.
struct Window {
  std::size_t kernel_h = 0, kernel_w = 0, stride_h = 0, stride_w = 0, dilation_h = 0, dilation_w = 0;
  std::size_t padding_h = 0, padding_w = 0, groups = 0;
  kernels::Border border = kernels::Border::zeros;  // zeros, ones or replicate
};
struct ThresholdConv2d : Window {
  Neurons neurons;                   // one per output, inputs [channel of the group][row][column]
  std::vector<std::int32_t> offset;  // by class, added to the thresholds
};
// factor (popcount(x AND plus) - popcount(x AND minus)) + constant.
struct CountConv2d : Window {
  std::int32_t factor = 1;
  std::size_t inputs = 0;                  // of each mask
  std::vector<std::uint64_t> plus, minus;  // [outputs][words_for(inputs)], disjoint, tails zero
  std::vector<std::int32_t> constant;      // by class
};
// fma(difference, R, low * A) of R = factor popcount(x AND plus) + constant and A = factor popcount(x) +
// total.
struct TwoValueConv2d : Window {
  std::int32_t factor = 1;
  std::size_t inputs = 0;
  std::vector<std::uint64_t> plus;
  std::vector<std::int32_t> constant, total;  // by class; total: [classes]
  std::vector<float> difference, low;         // [outputs]
};
struct PixelConv2d : Window {
  std::vector<std::int8_t> weight;     // [outputs][channels / groups][kernel_h][kernel_w]
  std::vector<std::int32_t> constant;  // by class
};
struct Conv2d : Window {
  std::vector<float> weight;  // [outputs][channels / groups][kernel_h][kernel_w]
  std::vector<float> bias;    // [outputs]
};
struct Affine {
  std::vector<float> scale, shift;  // [channels]
};
struct Add {};
struct PRelu {
  std::vector<float> slope;  // [channels]
};
struct Clamp {
  float low = 0, high = 0;
};
struct MaxPool {
  std::size_t kernel_h = 0, kernel_w = 0, stride_h = 0, stride_w = 0, padding_h = 0, padding_w = 0;
};
struct AvgPool {
  std::size_t kernel_h = 0, kernel_w = 0, stride_h = 0, stride_w = 0;
};
struct Concat {};
struct Flatten {};
struct ThresholdDense {
  Neurons neurons;
};
struct Linear {
  std::size_t outputs = 0;
  std::vector<float> weight;  // [outputs][inputs]
  std::vector<float> bias;
};

using Operation = std::variant<LevelSets, PackBinary, Bisel, ThresholdConv2d, MaxPool, Flatten,
                               ThresholdDense, Linear, CountConv2d, TwoValueConv2d, PixelConv2d, Conv2d,
                               Affine, Add, PRelu, Clamp, AvgPool, Concat, TruthTable>;

// Output positions along an axis by which of their taps lie inside the image; classes are numbered in the
// order of their first position.
struct BorderClasses {
  std::vector<std::uint32_t> of;  // [output size]
  std::size_t count = 0;
};
BorderClasses border_classes(std::size_t size, std::size_t kernel, std::size_t stride, std::size_t dilation,
                             std::size_t padding);

struct Node {
  std::string name;
  std::vector<std::size_t> inputs;  // 0 is the network's input, i + 1 the output of node i
  ValueType type;                   // of the output
  Operation operation;
  std::size_t input() const { return inputs.front(); }
};

class Graph {
 public:
  Graph(ValueKind kind, const std::vector<std::size_t>& shape);

  // Appends a node and returns the index of its value. Throws Error(format | shape), naming the node.
  std::size_t add(const std::string& name, const std::vector<std::size_t>& inputs, Operation operation);

  void set_output(std::size_t value);

  const ValueType& type(std::size_t value) const { return value == 0 ? input_ : nodes_[value - 1].type; }
  const std::vector<Node>& nodes() const { return nodes_; }
  std::size_t output() const { return output_; }

 private:
  ValueType input_;
  std::vector<Node> nodes_;
  std::size_t output_ = 0;
};

}  // namespace binmorph
