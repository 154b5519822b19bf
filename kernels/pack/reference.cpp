#include "kernels/common/bits.h"
#include "kernels/pack/pack.h"

namespace binmorph::kernels {
namespace {

template <class T, class Predicate>
void pack_each(const T* src, std::size_t rows, std::size_t width, std::uint64_t* dst, Predicate predicate) {
  const std::size_t words = words_for(width);
  for (std::size_t i = 0; i < rows * words; ++i) dst[i] = 0;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < width; ++i) set_bit(dst + r * words, i, predicate(src[r * width + i]));
}

template <class T>
bool pack_binary(const T* src, std::size_t rows, std::size_t width, std::uint64_t* dst) {
  for (std::size_t i = 0; i < rows * width; ++i)
    if (!(src[i] == 0 || src[i] == 1)) return false;
  pack_each(src, rows, width, dst, [](T x) { return x == 1; });
  return true;
}

}  // namespace

void level_set_f32_u64__reference(const float* src, std::size_t rows, std::size_t width, float value,
                                  std::uint64_t* dst) {
  pack_each(src, rows, width, dst, [value](float x) { return x >= value; });
}

void level_set_u8_u64__reference(const std::uint8_t* src, std::size_t rows, std::size_t width, float value,
                                 std::uint64_t* dst) {
  pack_each(src, rows, width, dst, [value](std::uint8_t x) { return static_cast<float>(x) >= value; });
}

bool pack_binary_f32_u64__reference(const float* src, std::size_t rows, std::size_t width,
                                    std::uint64_t* dst) {
  return pack_binary(src, rows, width, dst);
}

bool pack_binary_u8_u64__reference(const std::uint8_t* src, std::size_t rows, std::size_t width,
                                   std::uint64_t* dst) {
  return pack_binary(src, rows, width, dst);
}

void unpack_u64_u8__reference(const std::uint64_t* src, std::size_t rows, std::size_t width, bool,
                              std::uint8_t* dst) {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < width; ++i) dst[r * width + i] = get_bit(src + r * words_for(width), i);
}

}  // namespace binmorph::kernels
