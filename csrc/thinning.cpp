#include "binmorph/thinning.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "binmorph/cpu.h"
#include "binmorph/error.h"
#include "binmorph/shared_pool.h"
#include "kernels/common/bits.h"
#include "kernels/registry.h"

namespace binmorph {
namespace {

constexpr std::size_t kBandRows = 32;  // a band at rest, between bands at rest, is left out

kernels::ThinPass* choose_kernel(Isa isa) {
  if (!isa_supported(isa)) throw Error(ErrorKind::isa, std::string("this machine lacks ") + isa_name(isa));
  kernels::ThinPass* chosen = nullptr;
  for (const auto& kernel : kernels::kernel_list<kernels::ThinPass>())
    if (kernel.isa <= isa && isa_supported(kernel.isa)) chosen = kernel.run;
  return chosen;
}

}  // namespace

std::size_t thin(std::uint64_t* words, std::size_t height, std::size_t width, ThinMethod method,
                 std::size_t limit, std::size_t threads, Isa isa) {
  using kernels::ThinRule;
  kernels::ThinPass* kernel = choose_kernel(isa);
  const std::size_t row_words = words_for(width), bands = (height + kBandRows - 1) / kBandRows;
  const bool guo_hall = method == ThinMethod::guo_hall;
  const ThinRule rules[2] = {guo_hall ? ThinRule::guo_hall_1 : ThinRule::zhang_suen_1,
                             guo_hall ? ThinRule::guo_hall_2 : ThinRule::zhang_suen_2};
  const std::unique_ptr<std::uint64_t[]> other(new std::uint64_t[height * row_words]);
  std::copy_n(words, height * row_words, other.get());
  // A pass reads one image and writes the other; both are equal in bands that were at rest for a whole
  // iteration. Such a band can change only after a band next to it did.
  std::vector<char> awake(bands, 1), changed(bands);
  for (std::size_t times = 1;; ++times) {
    std::fill(changed.begin(), changed.end(), 0);
    for (const ThinRule rule : rules) {
      const std::uint64_t* from = rule == rules[0] ? words : other.get();
      std::uint64_t* to = rule == rules[0] ? other.get() : words;
      run_shared(threads, threads == 1 ? 1 : bands, [&](std::size_t index) {
        const std::size_t first = threads == 1 ? 0 : index, last = threads == 1 ? bands : index + 1;
        for (std::size_t b = first; b < last; ++b)
          if (awake[b] != 0)
            changed[b] |=
                kernel(rule, height, width, from, to, b * kBandRows, std::min((b + 1) * kBandRows, height));
      });
    }
    bool any = false;
    for (std::size_t b = 0; b < bands; ++b) {
      awake[b] = changed[b] | (b != 0 ? changed[b - 1] : 0) | (b + 1 < bands ? changed[b + 1] : 0);
      any |= changed[b] != 0;
    }
    if (!any || times == limit) return times;
  }
}

}  // namespace binmorph
