// What this processor, and its operating system, can run.
#pragma once

#include <string_view>

#include "kernels/common/isa.h"

namespace binmorph {

const char* isa_name(Isa isa);

// Throws Error(isa) for an unknown name.
Isa isa_from_name(std::string_view name);

bool isa_supported(Isa isa);

// The best supported one, or the one that BINMORPH_FORCE_ISA names; throws Error(isa) if that one is missing
// here.
Isa default_isa();

}  // namespace binmorph
