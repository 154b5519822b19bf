#include "binmorph/cpu.h"

#include <cstdlib>
#include <string>

#include "binmorph/error.h"

namespace binmorph {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::reference:
      return "reference";
    case Isa::generic:
      return "generic";
    case Isa::x86_avx2:
      return "x86_avx2";
    case Isa::x86_avx512:
      return "x86_avx512";
  }
  return "unknown";
}

Isa isa_from_name(std::string_view name) {
  for (int i = 0; i < kIsaCount; ++i)
    if (name == isa_name(static_cast<Isa>(i))) return static_cast<Isa>(i);
  throw Error(ErrorKind::isa, "unknown instruction set '" + std::string(name) +
                                  "'; known are reference, generic, x86_avx2, x86_avx512");
}

// __builtin_cpu_supports asks CPUID and, for the AVX families, XGETBV: a feature that the operating system
// does not save on a context switch counts as missing.
bool isa_supported(Isa isa) {
  switch (isa) {
    case Isa::reference:
    case Isa::generic:
      return true;
#if BINMORPH_X86
    case Isa::x86_avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
             __builtin_cpu_supports("fma");
    case Isa::x86_avx512:
      return isa_supported(Isa::x86_avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vpopcntdq") &&
             __builtin_cpu_supports("avx512bitalg") && __builtin_cpu_supports("avx512vbmi") &&
             __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("gfni");
#else
    default:
      break;
#endif
  }
  return false;
}

Isa default_isa() {
  if (const char* forced = std::getenv("BINMORPH_FORCE_ISA"); forced != nullptr && *forced != '\0') {
    const Isa isa = isa_from_name(forced);
    if (!isa_supported(isa))
      throw Error(ErrorKind::isa, std::string("BINMORPH_FORCE_ISA=") + forced +
                                      ": this machine does not have it; unset the variable to take the best");
    return isa;
  }
  for (int i = kIsaCount - 1; i > 0; --i)
    if (isa_supported(static_cast<Isa>(i))) return static_cast<Isa>(i);
  return Isa::reference;
}

}  // namespace binmorph
