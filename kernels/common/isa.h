// Instruction sets, named by feature. Order matters: a later one is preferred when the machine has it.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#define BINMORPH_X86 1
#else
#define BINMORPH_X86 0
#endif

namespace binmorph {

enum class Isa : std::uint8_t {
  reference,   // one bit at a time, never vectorised: the definition
  generic,     // 64-bit words, portable C++
  x86_avx2,    // AVX2, BMI1/2, POPCNT, FMA
  x86_avx512,  // AVX-512 F, BW, DQ, VL, VPOPCNTDQ, BITALG
};

inline constexpr int kIsaCount = 4;

}  // namespace binmorph
