// What the rules of the graph are made of.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "binmorph/error.h"
#include "binmorph/graph.h"

namespace binmorph {

[[noreturn]] void fail(ErrorKind kind, const std::string& name, const std::string& what);

// The product, once it and its factors are known to be within the limits.
std::size_t product(const std::string& name, std::initializer_list<std::size_t> factors);

void check_finite(const std::string& name, const std::vector<float>& values);

std::size_t popcount(const std::uint64_t* words, std::size_t count);

// The output of a convolution or of pooling; throws when the windows do not fit.
ValueType infer_window(const std::string& name, const Window& w, const ValueType& x, ValueKind kind,
                       std::size_t outputs);
struct Sides {
  std::size_t h, w;
};
ValueType infer_pool(const std::string& name, const ValueType& x, Sides kernel, Sides stride, Sides padding);

// Inputs of one output; infer_window must have passed.
std::size_t window_inputs(const std::string& name, const Window& w, const ValueType& x);

// Throws unless an array of `size` entries is one by class, for `outputs` outputs.
void check_classes(const std::string& name, const Window& w, const ValueType& x, const char* what,
                   std::size_t size, std::size_t outputs);

// The types of nodes that read and write numbers.
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const CountConv2d& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const TwoValueConv2d& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const PixelConv2d& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Conv2d& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Affine& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Add& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const PRelu& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Clamp& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const AvgPool& op);
ValueType infer_stream(const std::string& name, const std::vector<ValueType>& in, const Concat& op);

}  // namespace binmorph
