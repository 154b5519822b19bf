// Layers that follow one another in one launch: the bits that the last of them leaves are those of one after
// the other.
#include "chain_testing.h"

namespace binmorph::cuda::testing {
namespace {

void check_chain(const std::vector<Layer>& layers, std::uint32_t max_blocks) {
  Chain chain(layers);
  launch(launch_chain(chain.params, max_blocks), threshold_chain_u64_u64__cuda_mma, chain.params);
  for (std::size_t l = 0; l < layers.size(); ++l) chain.expect(l, std::to_string(max_blocks) + " blocks");
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main() {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  return run_all("chain", [] {
    for (const std::uint32_t blocks : {1u, 3u, 8u}) check_chain(some_layers(), blocks);
    check_chain(dense_layers(), 2);
  });
}
