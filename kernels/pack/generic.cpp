// Bytes are handled eight at a time inside one 64-bit word (byte i of a little-endian word is value i).
#include "kernels/pack/algorithm.h"

namespace binmorph::kernels {
namespace {

constexpr std::uint64_t kLowBits = 0x0101010101010101;
constexpr std::uint64_t kHighBits = 0x8080808080808080;

inline std::uint64_t load_bytes(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The multiplier holds 2^(56 - 7 i): bit 0 of byte i lands on bit 56 + i, and no two products meet.
inline std::uint32_t gather_low_bits(std::uint64_t v) {
  return static_cast<std::uint32_t>((v * 0x0102040810204080) >> 56);
}

template <class PackEight>
inline std::uint32_t four_times(const std::uint8_t* src, PackEight pack_eight) {
  std::uint32_t word = 0;
  for (int i = 0; i < 4; ++i) word |= pack_eight(load_bytes(src + 8 * i)) << (8 * i);
  return word;
}

// Truth values become bytes first: that loop vectorises with any instruction set, a loop over bits does not.
struct LevelF32 {
  float value;
  std::uint32_t pack32(const float* src) const {
    std::uint8_t flags[32];
    for (int i = 0; i < 32; ++i) flags[i] = src[i] >= value;
    return four_times(flags, gather_low_bits);
  }
};

// x >= t per byte: the low seven bits are compared by a subtraction that cannot borrow from the next byte
// (its high bit is set beforehand); equal high bits let that comparison decide, different ones decide
// themselves.
struct LevelU8 {
  std::uint64_t t;
  std::uint32_t pack32(const std::uint8_t* src) const {
    return four_times(src, [this](std::uint64_t x) {
      const std::uint64_t low_ge = (x | kHighBits) - (t & ~kHighBits);
      const std::uint64_t ge = (x & ~t) | (~(x ^ t) & low_ge);
      return gather_low_bits((ge & kHighBits) >> 7);
    });
  }
};

struct BinaryF32 {
  std::uint8_t bad = 0;
  std::uint32_t pack32(const float* src) {
    std::uint8_t flags[32];
    std::uint8_t wrong = 0;
    for (int i = 0; i < 32; ++i) {
      flags[i] = src[i] == 1.0f;
      wrong |= (src[i] != 1.0f) & (src[i] != 0.0f);
    }
    bad |= wrong;
    return four_times(flags, gather_low_bits);
  }
};

struct BinaryU8 {
  std::uint64_t any = 0;
  std::uint32_t pack32(const std::uint8_t* src) {
    return four_times(src, [this](std::uint64_t x) {
      any |= x;
      return gather_low_bits(x & kLowBits);
    });
  }
};

// Seven copies of the low seven bits, 7 i bits apart, put bit i on bit 8 i; the eighth bit travels alone.
inline std::uint64_t spread_byte(std::uint64_t bits) {
  return (((bits & 0x7f) * 0x0002040810204081) & kLowBits) | ((bits & 0x80) << 49);
}

}  // namespace

void level_set_f32_u64__generic(const float* src, std::size_t rows, std::size_t width, float value,
                                std::uint64_t* dst) {
  LevelF32 packer{value};
  pack_rows(packer, src, rows, width, dst);
}

void level_set_u8_u64__generic(const std::uint8_t* src, std::size_t rows, std::size_t width, float value,
                               std::uint64_t* dst) {
  const std::uint32_t t = byte_threshold(value);
  if (t > 255) return clear_rows(rows, width, dst);
  LevelU8 packer{t * kLowBits};
  pack_rows(packer, src, rows, width, dst);
}

bool pack_binary_f32_u64__generic(const float* src, std::size_t rows, std::size_t width, std::uint64_t* dst) {
  BinaryF32 packer;
  pack_rows(packer, src, rows, width, dst);
  return packer.bad == 0;
}

bool pack_binary_u8_u64__generic(const std::uint8_t* src, std::size_t rows, std::size_t width,
                                 std::uint64_t* dst) {
  BinaryU8 packer;
  pack_rows(packer, src, rows, width, dst);
  return (packer.any & ~kLowBits) == 0;
}

void unpack_u64_u8__generic(const std::uint64_t* src, std::size_t rows, std::size_t width, bool,
                            std::uint8_t* dst) {
  const auto unpack32 = [](std::uint32_t bits, std::uint8_t* out) {
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t bytes = spread_byte((bits >> (8 * i)) & 0xff);
      std::memcpy(out + 8 * i, &bytes, sizeof bytes);
    }
  };
  unpack_rows(unpack32, src, rows, width, dst);
}

}  // namespace binmorph::kernels
