// Layers that follow one another, their neurons, and the bits that each must leave.
#pragma once

#include <memory>

#include "device_kernels.h"
#include "neuron_testing.h"

namespace binmorph::cuda::testing {

struct Layer {
  ConvGeometry g;
  ConvForm form;
};

// One layer on the device, and the bits it must leave.
struct Placed {
  ClassCase classes;
  Neurons neurons;
  Expected want;
  PackedWindows packed;
  ClassTables tables;
  Array<std::uint64_t> plus, minus, y;
  Array<std::int32_t> threshold;
  Array<std::uint32_t> invert;

  Placed(const Layer& layer, const std::vector<std::uint64_t>& x)
      : classes(layer.g),
        neurons(random_neurons(layer.g, layer.form, classes.count)),
        want(reference(layer.g, neurons, classes, x)),
        packed(pack_windows_mma(layer.g, neurons.plus.data(), neurons.minus.data())),
        tables(classes),
        plus(packed.plus),
        minus(packed.minus),
        y(want.bits.size()),
        threshold(pad_lanes(neurons.threshold.data(), classes.count, layer.g.out_channels, INT32_MAX)),
        invert(pack_invert(neurons.invert.data(), layer.g.out_channels)) {}

  ThresholdConv2dParams params(const ConvGeometry& g, const std::uint64_t* x) {
    return {{g, x, plus.data(), minus.data(), packed.form, tables.params()},
            threshold.data(),
            invert.data(),
            y.data()};
  }
};

// Layers with the bits that each must leave.
struct Chain {
  std::vector<std::uint64_t> input;
  Array<std::uint64_t> x;
  Array<std::uint32_t> barrier{std::vector<std::uint32_t>{0, 0}};
  std::vector<std::unique_ptr<Placed>> placed;
  ThresholdChainParams params{};

  explicit Chain(const std::vector<Layer>& layers)
      : input(random_rows(std::size_t{layers[0].g.images} * layers[0].g.height * layers[0].g.width,
                          layers[0].g.channels)),
        x(input) {
    x.late();
    params.barrier = reinterpret_cast<GridBarrier*>(barrier.data());
    for (const Layer& layer : layers) {
      const bool begins = placed.empty();
      const std::uint64_t* from = begins ? x.data() : placed.back()->y.data();
      placed.push_back(std::make_unique<Placed>(layer, begins ? input : placed.back()->want.bits));
      params.layer[params.count++] = placed.back()->params(layer.g, from);
    }
  }

  void expect(std::size_t l, const std::string& where) {
    expect_equal("layer " + std::to_string(l) + " of a chain on " + where + ": " +
                     describe(params.layer[l].windows.geometry),
                 placed[l]->y, placed[l]->want.bits);
  }
};

// Square windows, padded by zeros so that a stride of 1 keeps the extents.
inline ConvGeometry square(std::uint32_t images, std::uint32_t height, std::uint32_t width,
                           std::uint32_t channels, std::uint32_t outputs, std::uint32_t kernel,
                           std::uint32_t stride) {
  const std::uint32_t pad = kernel / 2;
  return {images,
          height,
          width,
          channels,
          (height - 1) / stride + 1,
          (width - 1) / stride + 1,
          outputs,
          1,
          kernel,
          kernel,
          stride,
          stride,
          1,
          1,
          static_cast<std::int32_t>(pad),
          static_cast<std::int32_t>(pad),
          Border::zeros};
}

inline std::vector<Layer> some_layers() {
  return {{square(2, 9, 10, 70, 100, 3, 1), ConvForm::sign},
          {square(2, 9, 10, 100, 140, 1, 1), ConvForm::ternary},
          {square(2, 9, 10, 140, 64, 3, 2), ConvForm::mask},
          {square(2, 5, 5, 64, 65, 3, 1), ConvForm::sign}};
}

inline std::vector<Layer> dense_layers() {
  return {{dense_geometry(3, 300, 70), ConvForm::sign}, {dense_geometry(3, 70, 200), ConvForm::sign}};
}

}  // namespace binmorph::cuda::testing
