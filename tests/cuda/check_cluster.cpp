// Layers that follow one another in one launch of one cluster: the bits that the last of them leaves are
// those of one after the other.
#include "chain_testing.h"

namespace binmorph::cuda::testing {
namespace {

// `seen`: the layer in between that others read, and so lies in global memory as well.
void check_cluster(const std::vector<Layer>& layers, std::uint32_t blocks, std::size_t seen) {
  Chain chain(layers);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    ThresholdConv2dParams& layer = chain.params.layer[l];
    if (l != 0) layer.windows.x = nullptr;
    if (l != seen && l + 1 != layers.size()) layer.y = nullptr;
  }
  place_in_cluster(chain.params, blocks);
  launch(launch_cluster(chain.params, blocks), threshold_chain_u64_u64__cuda_cluster, chain.params);
  for (std::size_t l : {seen, layers.size() - 1}) chain.expect(l, "a cluster of " + std::to_string(blocks));
}

}  // namespace
}  // namespace binmorph::cuda::testing

int main() {
  using namespace binmorph::cuda;
  using namespace binmorph::cuda::testing;
  return run_all("cluster", [] {
    for (const std::uint32_t blocks : {1u, 3u, 8u}) check_cluster(some_layers(), blocks, 1);
    check_cluster(dense_layers(), 16, 1);
    // Rows of two images in one tile, windows that reach past the image, taps beyond replicated borders.
    std::vector<Layer> odd{{square(5, 7, 5, 64, 130, 3, 1), ConvForm::sign},
                           {square(5, 7, 5, 130, 70, 3, 2), ConvForm::sign},
                           {square(5, 4, 3, 70, 320, 3, 1), ConvForm::ternary},
                           {square(5, 4, 3, 320, 10, 1, 1), ConvForm::mask}};
    odd[0].g.border = Border::replicate;
    odd[2].g.border = Border::ones;
    odd[2].g.dilation_h = odd[2].g.dilation_w = 2;
    odd[2].g.top = odd[2].g.left = 2;
    for (const std::uint32_t blocks : {2u, 4u}) check_cluster(odd, blocks, 0);
  });
}
