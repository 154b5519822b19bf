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

enum class ValueKind { bits, float32, uint8 };

// Shape without the batch: (channels, height, width), or (features, 1, 1) when `flat`.
struct ValueType {
  ValueKind kind = ValueKind::bits;
  bool flat = false;
  std::size_t channels = 0, height = 1, width = 1;
  std::size_t size() const { return channels * height * width; }
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
struct ThresholdConv2d {
  std::size_t kernel_h = 0, kernel_w = 0, stride_h = 0, stride_w = 0, dilation_h = 0, dilation_w = 0;
  std::size_t padding_h = 0, padding_w = 0, groups = 0;
  kernels::Border border = kernels::Border::zeros;  // zeros, ones or replicate
  Neurons neurons;                   // one per output, inputs [channel of the group][row][column]
  std::vector<std::int32_t> offset;  // [classes][outputs], added to the thresholds
};
struct MaxPool {
  std::size_t kernel_h = 0, kernel_w = 0, stride_h = 0, stride_w = 0;
};
struct Flatten {};
struct ThresholdDense {
  Neurons neurons;
};
struct Linear {
  std::size_t outputs = 0;
  std::vector<float> weight;  // [outputs][inputs]
  std::vector<float> bias;
};

using Operation =
    std::variant<LevelSets, PackBinary, Bisel, ThresholdConv2d, MaxPool, Flatten, ThresholdDense, Linear>;

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
  std::size_t input;  // 0 is the network's input, i + 1 the output of node i
  ValueType type;     // of the output
  Operation operation;
};

class Graph {
 public:
  Graph(ValueKind kind, const std::vector<std::size_t>& shape);

  // Appends a node and returns the index of its value. Throws Error(format | shape), naming the node.
  std::size_t add(const std::string& name, std::size_t input, Operation operation);

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
