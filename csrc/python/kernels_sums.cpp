// Bindings of the convolutions that add up products: weights packed once, then run on image after image.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conv_args.h"
#include "kernels/common/conv_sums_pack.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;
using kernels::ConvShape;
using kernels::SumRange;

template <class Fn, class From, class Weight, class Sum>
class SumConv2d {
 public:
  SumConv2d(const std::string& kernel, const py::array& weight, const py::array& start, const ConvShape& s,
            std::vector<std::uint32_t> row_class, std::vector<std::uint32_t> column_class)
      : run_(find_kernel<Fn>(kernel)),
        classes_(static_cast<std::size_t>(start.size()) / s.out_channels),
        pack_(make_pack(weight, start, s, row_class, column_class)) {}

  py::dict arrays() const {
    const auto p = pack_.program();
    py::dict d;
    d["weights"] = copy_array(p.weights, pack_.weights().size());
    d["start"] = copy_array(p.start, pack_.start().size());
    d["row_class"] = copy_array(p.row_class, p.shape.out_height());
    d["column_class"] = copy_array(p.column_class, p.shape.out_width());
    return d;
  }

  // The image [height][width][channels] with its padding, as `run` reads it.
  template <class Pixel>
  py::array extend(const py::array& x, Out out) const {
    const ConvShape s = pack_.program().shape;
    const Pixel* from = input<Pixel>(x, "x", product({s.height, s.width, s.channels}));
    kernels::extend_image(s, from, 0, s.extended_height(), output<Weight>(out, extended_size()));
    return *out;
  }

  // `arrays`: stand in for the packed ones of the same names.
  py::array run(const py::array& extended, Out out, std::size_t y_pitch, const std::optional<Pair>& rows,
                const std::optional<Pair>& blocks, const py::dict& arrays) {
    auto p = pack_.program();
    const ConvShape& s = p.shape;
    for (const auto& [key, value] : arrays) {
      const auto name = py::cast<std::string>(key);
      const auto array = py::cast<py::array>(value);
      if (name == "weights") p.weights = input<Weight>(array, "weights", pack_.weights().size());
      if (name == "start") p.start = input<Sum>(array, "start", pack_.start().size());
      if (name == "row_class") p.row_class = input<std::uint32_t>(array, "row_class", s.out_height());
      if (name == "column_class") p.column_class = input<std::uint32_t>(array, "column_class", s.out_width());
    }
    const SumRange range{rows ? (*rows)[0] : 0, rows ? (*rows)[1] : s.out_height(), blocks ? (*blocks)[0] : 0,
                         blocks ? (*blocks)[1] : p.blocks()};
    if (range.row_begin >= range.row_end || range.row_end > s.out_height() ||
        range.block_begin >= range.block_end || range.block_end > p.blocks())
      throw py::value_error("rows and blocks must select existing ones");
    const std::size_t skipped = range.block_begin * kernels::kSumBlock;
    const std::size_t end =
        range.block_end == p.blocks() ? s.out_channels : range.block_end * kernels::kSumBlock;
    if (y_pitch == 0) y_pitch = end - skipped;
    if (y_pitch < end - skipped) throw py::value_error("y_pitch is less than the channels of the range");
    const std::size_t pixels = product({range.row_end - range.row_begin, s.out_width()});
    run_(p, input<Weight>(extended, "extended", extended_size()), range,
         output<Sum>(out, product({pixels - 1, y_pitch}) + end - skipped), y_pitch);
    return *out;
  }

  std::size_t blocks() const { return pack_.program().blocks(); }

 private:
  using Pack = kernels::ConvSumsPack<Weight, Sum>;

  std::size_t extended_size() const {
    const ConvShape s = pack_.program().shape;
    return product({s.extended_height(), s.extended_width(), s.channels}) + Pack::kStep - 1;
  }

  Pack make_pack(const py::array& weight, const py::array& start, const ConvShape& s,
                 std::vector<std::uint32_t>& row_class, std::vector<std::uint32_t>& column_class) const {
    if (row_class.empty()) row_class.assign(s.out_height(), 0);
    if (column_class.empty()) column_class.assign(s.out_width(), 0);
    check_size("row_class", row_class.size(), s.out_height());
    check_size("column_class", column_class.size(), s.out_width());
    check_classes(row_class, column_class, classes_);
    return Pack(s, input<From>(weight, "weight", product({s.out_channels, s.inputs()})),
                input<Sum>(start, "start", classes_ * s.out_channels), classes_, row_class.data(),
                column_class.data());
  }

  Fn* run_;
  std::size_t classes_;
  Pack pack_;
};

using FloatConv2d = SumConv2d<kernels::Conv2dF32, float, float, float>;
using PixelConv2d = SumConv2d<kernels::PixelConv2d, std::int8_t, std::int16_t, std::int32_t>;

template <class Conv>
py::class_<Conv> bind_sum_conv(py::module_& m, const char* name, const char* doc) {
  const auto none = py::none();
  return py::class_<Conv>(m, name, doc)
      .def(py::init([](const std::string& kernel, const py::array& weight, const py::array& start,
                       const std::array<std::size_t, 3>& image, std::size_t out_channels,
                       const Pair& kernel_size, std::size_t groups, const Pair& stride, const Pair& dilation,
                       const std::array<std::size_t, 4>& padding, std::vector<std::uint32_t> row_class,
                       std::vector<std::uint32_t> column_class) {
             const ConvShape shape =
                 conv_shape(image, out_channels, groups, kernel_size, stride, dilation, padding, false);
             return std::make_unique<Conv>(kernel, weight, start, shape, std::move(row_class),
                                           std::move(column_class));
           }),
           "kernel"_a, "weight"_a, "start"_a, "image"_a, "out_channels"_a, "kernel_size"_a, "groups"_a = 1,
           "stride"_a = Pair{1, 1}, "dilation"_a = Pair{1, 1}, "padding"_a = std::array<std::size_t, 4>{},
           "row_class"_a = std::vector<std::uint32_t>{}, "column_class"_a = std::vector<std::uint32_t>{})
      .def("arrays", &Conv::arrays)
      .def("run", &Conv::run, "extended"_a, "out"_a = none, "y_pitch"_a = 0, "rows"_a = none,
           "blocks"_a = none, "arrays"_a = py::dict())
      .def_property_readonly("blocks", &Conv::blocks);
}

}  // namespace

void bind_sum_conv_kernels(py::module_& m) {
  bind_sum_conv<FloatConv2d>(m, "FloatConv2d", "A float32 convolution, packed for the kernels.")
      .def("extend", &FloatConv2d::extend<float>, "x"_a, "out"_a = py::none())
      .def("extend_bytes", &FloatConv2d::extend<std::uint8_t>, "x"_a, "out"_a = py::none());
  bind_sum_conv<PixelConv2d>(m, "PixelConv2d",
                             "A convolution of bytes by int8 weights, packed for the kernels.")
      .def("extend", &PixelConv2d::extend<std::uint8_t>, "x"_a, "out"_a = py::none());
}

}  // namespace binmorph::python
