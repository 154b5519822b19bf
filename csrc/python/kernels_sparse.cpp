// Binding of sparse_conv2d: masks packed once, then run on image after image by any kernel.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conv_args.h"
#include "kernels/sparse_conv2d/pack.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;

class SparseConv2d {
 public:
  SparseConv2d(const kernels::ConvShape& s, const py::array& plus, const Out& minus)
      : pack_(make_pack(s, plus, minus)) {}

  py::array planes(const std::string& kernel, const py::array& x) const {
    const kernels::SparseProgram p = pack_.program();
    const kernels::ConvShape& s = p.shape;
    const auto* from = input<std::uint64_t>(x, "x", product({s.height, s.width, words_for(s.channels)}));
    std::vector<std::uint64_t> pixels(kernels::sparse_pixel_words(p));
    Out out;
    auto* to = output<std::uint64_t>(out, p.planes.words());
    kernels::sparse_planes(p, from, find_kernel<kernels::ImagesToPlanes>(kernel), pixels.data(), to);
    return *out;
  }

  py::dict arrays() const {
    const kernels::SparseProgram p = pack_.program();
    py::dict d;
    d["entries"] = copy_array(p.entries, pack_.entries());
    d["first"] = copy_array(p.first, 2 * p.shape.out_channels);
    d["size"] = copy_array(p.size, 2 * p.shape.out_channels);
    return d;
  }

  // `arrays`: stand in for the packed ones of the same names.
  py::array run(const std::string& kernel, const py::array& planes, Out out,
                const std::optional<Pair>& blocks, Out scratch, const py::dict& arrays) const {
    kernels::SparseProgram p = pack_.program();
    const kernels::ConvShape& s = p.shape;
    for (const auto& [key, value] : arrays) {
      const auto name = py::cast<std::string>(key);
      const auto array = py::cast<py::array>(value);
      if (name == "entries") p.entries = input<std::uint32_t>(array, "entries", pack_.entries());
      if (name == "first") p.first = input<std::uint32_t>(array, "first", 2 * s.out_channels);
      if (name == "size") p.size = input<std::uint32_t>(array, "size", 2 * s.out_channels);
    }
    const Pair range = blocks.value_or(Pair{0, p.blocks()});
    if (range[0] > range[1] || range[1] > p.blocks())
      throw py::value_error("blocks must select existing ones");
    const auto* from = input<std::uint64_t>(planes, "planes", p.planes.words());
    auto* to = output<std::int32_t>(out, product({s.out_height(), s.out_width(), s.out_channels}));
    auto* spare = output<std::uint64_t>(scratch, p.scratch_words(), "scratch");
    find_kernel<kernels::SparseConv2d>(kernel)(p, from, to, range[0], range[1], spare);
    return *out;
  }

  // Bits instead of sums. threshold: [classes][out_channels].
  py::array fires(const std::string& kernel, const py::array& planes, const py::array& threshold,
                  const py::array& invert, const std::vector<std::uint32_t>& row_class,
                  const std::vector<std::uint32_t>& column_class, Out out, const std::optional<Pair>& blocks,
                  Out scratch) const {
    const kernels::SparseProgram p = pack_.program();
    const kernels::ConvShape& s = p.shape;
    check_size("row_class", row_class.size(), s.out_height());
    check_size("column_class", column_class.size(), s.out_width());
    const std::size_t classes = static_cast<std::size_t>(threshold.size()) / s.out_channels;
    check_classes(row_class, column_class, classes);
    const kernels::SparseThresholdPack pack(
        p, input<std::int32_t>(threshold, "threshold", product({classes, s.out_channels})),
        input<std::uint8_t>(invert, "invert", s.out_channels), classes, row_class.data(),
        column_class.data());
    const Pair range = blocks.value_or(Pair{0, p.blocks()});
    if (range[0] > range[1] || range[1] > p.blocks())
      throw py::value_error("blocks must select existing ones");
    const auto* from = input<std::uint64_t>(planes, "planes", p.planes.words());
    auto* to = output<std::uint64_t>(out, product({s.out_height(), s.out_width(), p.blocks()}));
    auto* spare = output<std::uint64_t>(scratch, threshold_scratch_words(classes), "scratch");
    find_kernel<kernels::SparseThreshold>(kernel)(p, pack.thresholds(), from, to, range[0], range[1], spare);
    return *out;
  }

  static std::size_t threshold_scratch_words(std::size_t classes) {
    kernels::SparseThresholds thresholds{};
    thresholds.classes = classes;
    return thresholds.scratch_words();
  }

  std::size_t blocks() const { return pack_.program().blocks(); }
  std::size_t scratch_words() const { return pack_.program().scratch_words(); }

 private:
  static kernels::SparsePack make_pack(const kernels::ConvShape& s, const py::array& plus, const Out& minus) {
    const std::size_t mask_words = product({s.out_channels, words_for(s.inputs())});
    const auto* positive = input<std::uint64_t>(plus, "plus", mask_words);
    const auto* negative = minus ? input<std::uint64_t>(*minus, "minus", mask_words) : nullptr;
    if (!kernels::sparse_supports(s, positive, negative))
      throw py::value_error("sparse_conv2d does not support so many ones");
    return {s, positive, negative};
  }

  kernels::SparsePack pack_;
};

}  // namespace

void bind_sparse_kernels(py::module_& m) {
  const auto none = py::none();
  py::class_<SparseConv2d>(m, "SparseConv2d",
                           "A convolution by masks with few ones, packed as lists of taps.")
      .def(py::init([](const py::array& plus, const Out& minus, const std::array<std::size_t, 3>& image,
                       std::size_t out_channels, const Pair& kernel_size, std::size_t groups,
                       const Pair& stride, const Pair& dilation, const std::array<std::size_t, 4>& padding,
                       bool pad_bit) {
             const kernels::ConvShape shape =
                 conv_shape(image, out_channels, groups, kernel_size, stride, dilation, padding, pad_bit);
             return std::make_unique<SparseConv2d>(shape, plus, minus);
           }),
           "plus"_a, "minus"_a, "image"_a, "out_channels"_a, "kernel_size"_a, "groups"_a = 1,
           "stride"_a = Pair{1, 1}, "dilation"_a = Pair{1, 1}, "padding"_a = std::array<std::size_t, 4>{},
           "pad_bit"_a = false)
      .def("planes", &SparseConv2d::planes, "kernel"_a, "x"_a)
      .def("arrays", &SparseConv2d::arrays)
      .def("run", &SparseConv2d::run, "kernel"_a, "planes"_a, "out"_a = none, "blocks"_a = none,
           "scratch"_a = none, "arrays"_a = py::dict())
      .def("fires", &SparseConv2d::fires, "kernel"_a, "planes"_a, "threshold"_a, "invert"_a, "row_class"_a,
           "column_class"_a, "out"_a = none, "blocks"_a = none, "scratch"_a = none)
      .def_static("threshold_scratch_words", &SparseConv2d::threshold_scratch_words, "classes"_a)
      .def_property_readonly("scratch_words", &SparseConv2d::scratch_words)
      .def_property_readonly("blocks", &SparseConv2d::blocks);
}

}  // namespace binmorph::python
