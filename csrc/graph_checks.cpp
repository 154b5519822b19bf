#include "graph_checks.h"

#include <cmath>

namespace binmorph {
namespace {

constexpr std::size_t kMaxDimension = (std::size_t{1} << 31) - 1;
constexpr std::size_t kMaxElements = std::size_t{1} << 36;  // bits or numbers of one value, of one image

}  // namespace

void fail(ErrorKind kind, const std::string& name, const std::string& what) {
  throw Error(kind, "node '" + name + "': " + what);
}

std::size_t product(const std::string& name, std::initializer_list<std::size_t> factors) {
  std::size_t result = 1;
  for (std::size_t f : factors)
    if (f > kMaxDimension || __builtin_mul_overflow(result, f, &result) || result > kMaxElements)
      fail(ErrorKind::shape, name, "a dimension or the number of elements is too large");
  return result;
}

std::size_t popcount(const std::uint64_t* words, std::size_t count) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += static_cast<std::size_t>(__builtin_popcountll(words[i]));
  return total;
}

void check_finite(const std::string& name, const std::vector<float>& values) {
  for (float v : values)
    if (!std::isfinite(v)) fail(ErrorKind::format, name, "holds a value that is not finite");
}

ValueType infer_window(const std::string& name, const Window& w, const ValueType& x, ValueKind kind,
                       std::size_t outputs) {
  if (w.border == kernels::Border::valid)
    fail(ErrorKind::format, name, "border must be zeros, ones or replicate");
  for (std::size_t n : {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w, w.groups})
    if (n == 0) fail(ErrorKind::shape, name, "kernel, stride, dilation and groups must be positive");
  if (outputs == 0 || x.channels % w.groups != 0 || outputs % w.groups != 0)
    fail(ErrorKind::shape, name, "groups must divide the channels and the outputs");
  if (x.flat && (w.kernel_h * w.kernel_w != 1 || w.padding_h + w.padding_w != 0))
    fail(ErrorKind::shape, name, "over features the window is 1x1, without padding");
  product(name, {w.padding_h + 1, w.padding_w + 1});
  const std::size_t padded_h = x.height + 2 * w.padding_h, padded_w = x.width + 2 * w.padding_w;
  product(name, {x.channels, padded_h, padded_w});
  const std::size_t window_h = product(name, {w.dilation_h, w.kernel_h - 1}) + 1;
  const std::size_t window_w = product(name, {w.dilation_w, w.kernel_w - 1}) + 1;
  if (window_h > padded_h || window_w > padded_w)
    fail(ErrorKind::shape, name, "the window is larger than the padded image");
  const ValueType result{kind, x.flat, outputs, (padded_h - window_h) / w.stride_h + 1,
                         (padded_w - window_w) / w.stride_w + 1};
  product(name, {outputs, result.height, result.width});
  return result;
}

ValueType infer_pool(const std::string& name, const ValueType& x, Sides kernel, Sides stride, Sides padding) {
  if (x.flat) fail(ErrorKind::shape, name, "reads (channels, height, width)");
  if (kernel.h == 0 || kernel.w == 0 || stride.h == 0 || stride.w == 0)
    fail(ErrorKind::shape, name, "kernel and stride must be positive");
  if (padding.h > kernel.h / 2 || padding.w > kernel.w / 2)
    fail(ErrorKind::shape, name, "the padding is more than half of the kernel");
  product(name, {kernel.h, kernel.w});
  if (kernel.h > x.height + 2 * padding.h || kernel.w > x.width + 2 * padding.w)
    fail(ErrorKind::shape, name, "the window is larger than the image");
  return {x.kind, false, x.channels, (x.height + 2 * padding.h - kernel.h) / stride.h + 1,
          (x.width + 2 * padding.w - kernel.w) / stride.w + 1};
}

std::size_t window_inputs(const std::string& name, const Window& w, const ValueType& x) {
  return product(name, {x.channels / w.groups, w.kernel_h, w.kernel_w});
}

void check_classes(const std::string& name, const Window& w, const ValueType& x, const char* what,
                   std::size_t size, std::size_t outputs) {
  if (size == outputs) return;
  const std::size_t rows = border_classes(x.height, w.kernel_h, w.stride_h, w.dilation_h, w.padding_h).count;
  const std::size_t columns =
      border_classes(x.width, w.kernel_w, w.stride_w, w.dilation_w, w.padding_w).count;
  if (size != rows * columns * outputs)
    fail(ErrorKind::shape, name, std::string(what) + " must have 1 class, or one for each kind of border");
}

}  // namespace binmorph
