// Binding of the convolution kernels: neurons packed once for one kernel, then run on image after image.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "conv_args.h"
#include "kernels/threshold_conv2d/pack.h"
#include "kernels_bindings.h"

namespace binmorph::python {
namespace {

using namespace pybind11::literals;
using kernels::ConvNeurons;
using kernels::ConvPack;
using kernels::ConvProgram;
using kernels::ConvRange;
using kernels::ConvShape;

class Conv2d {
 public:
  Conv2d(const std::string& kernel, const ConvShape& shape, const py::array& plus, const Out& minus,
         const py::array& threshold, const py::array& invert, std::vector<std::uint32_t> row_class,
         std::vector<std::uint32_t> column_class, const Out& constant, int factor)
      : kernel_(kernel),
        pack_(make_pack(kernel, shape, plus, minus, threshold, invert, row_class, column_class, constant,
                        factor)) {
    if (kernel.compare(0, 10, "accumulate") != 0)
      threshold_ = find_kernel<kernels::ThresholdConv2d>(kernel);
    else if (!sums_of_16_bits(kernel))
      accumulate_ = find_kernel<kernels::AccumulateConv2d>(kernel);
    else
      accumulate16_ = find_kernel<kernels::AccumulateConv2dI16>(kernel);
    scratch_.resize(pack_.program().scratch_words);
  }

  py::dict arrays() const {
    const ConvProgram p = pack_.program();
    py::dict d;
    d["weights"] = copy_array(static_cast<const std::uint64_t*>(p.weights), pack_.weight_words());
    d["threshold"] = copy_array(p.threshold, classes_ * p.lanes());
    d["offset"] = copy_array(p.offset, p.lanes());
    d["constant"] = copy_array(p.constant, classes_ * p.lanes());
    d["constant16"] = copy_array(p.constant16, classes_ * p.lanes());
    d["invert"] = copy_array(p.invert, p.lanes() / 8);
    d["row_class"] = copy_array(p.row_class, p.shape.out_height());
    d["column_class"] = copy_array(p.column_class, p.shape.out_width());
    return d;
  }

  // `arrays`: stand in for the packed ones of the same names. `repeats`: for timing without Python.
  py::array run(const py::array& x, Out out, const std::optional<Pair>& rows,
                const std::optional<Pair>& blocks, Out scratch, const py::dict& arrays, std::size_t y_pitch,
                std::size_t repeats) {
    ConvProgram p = pack_.program();
    const ConvShape& s = p.shape;
    for (const auto& [key, value] : arrays) {
      const auto name = key.cast<std::string>();
      const auto array = value.cast<py::array>();
      if (name == "weights") p.weights = input<std::uint64_t>(array, "weights", pack_.weight_words());
      if (name == "threshold") p.threshold = input<std::int32_t>(array, "threshold", classes_ * p.lanes());
      if (name == "constant") p.constant = input<std::int32_t>(array, "constant", classes_ * p.lanes());
      if (name == "constant16") p.constant16 = input<std::int16_t>(array, "constant16", classes_ * p.lanes());
      if (name == "offset") p.offset = input<std::int32_t>(array, "offset", p.lanes());
      if (name == "invert") p.invert = input<std::uint8_t>(array, "invert", p.lanes() / 8);
      if (name == "row_class") p.row_class = input<std::uint32_t>(array, "row_class", s.out_height());
      if (name == "column_class") p.column_class = input<std::uint32_t>(array, "column_class", s.out_width());
    }
    const ConvRange range{rows ? (*rows)[0] : 0, rows ? (*rows)[1] : s.out_height(),
                          blocks ? (*blocks)[0] : 0, blocks ? (*blocks)[1] : kernels::conv_blocks(p)};
    if (range.row_begin > range.row_end || range.row_end > s.out_height() ||
        range.block_begin > range.block_end || range.block_end > kernels::conv_blocks(p))
      throw py::value_error("rows and blocks must select existing ones");
    const std::uint64_t* from =
        input<std::uint64_t>(x, "x", product({s.height, s.width, words_for(s.channels)}));
    std::uint64_t* spare = scratch ? output<std::uint64_t>(scratch, p.scratch_words) : scratch_.data();
    if (threshold_ != nullptr) {
      const std::size_t words = product({s.out_height(), s.out_width(), words_for(s.out_channels)});
      std::uint64_t* to = output<std::uint64_t>(out, words);
      for (std::size_t i = 0; i < repeats; ++i) threshold_(p, from, to, range, spare);
    } else if (accumulate_ != nullptr) {
      accumulate(accumulate_, p, from, out, range, spare, y_pitch, repeats);
    } else {
      accumulate(accumulate16_, p, from, out, range, spare, y_pitch, repeats);
    }
    return *out;
  }

  const std::string& kernel() const { return kernel_; }
  std::size_t scratch_words() const { return scratch_.size(); }
  double cycles() const {
    const ConvProgram p = pack_.program();
    return kernels::conv_cycles(p.layout, p.shape, p.form);
  }
  kernels::ConvTerms cost_terms() const {
    const ConvProgram p = pack_.program();
    return kernels::conv_terms(p.layout, p.shape, p.form);
  }
  std::size_t blocks() const { return kernels::conv_blocks(pack_.program()); }

 private:
  static bool sums_of_16_bits(const std::string& kernel) { return kernel.find("_i16_") != std::string::npos; }

  template <class Sum>
  static void accumulate(kernels::Accumulate<Sum>* kernel, const ConvProgram& p, const std::uint64_t* x,
                         Out& out, const ConvRange& range, std::uint64_t* scratch, std::size_t y_pitch,
                         std::size_t repeats) {
    const bool all = kernels::conv_blocks(p) == 1;
    const std::size_t first = all ? 0 : range.block_begin * kernels::kConvBlock;
    const std::size_t last = all ? p.shape.out_channels : range.block_end * kernels::kConvBlock;
    if (y_pitch == 0) y_pitch = last - first;
    if (y_pitch < last - first) throw py::value_error("y_pitch is less than the channels of the range");
    if (range.row_begin == range.row_end || first == last)
      throw py::value_error("rows and blocks must select at least one");
    const std::size_t pixels = product({range.row_end - range.row_begin, p.shape.out_width()});
    Sum* to = output<Sum>(out, product({pixels - 1, y_pitch}) + last - first);
    for (std::size_t i = 0; i < repeats; ++i) kernel(p, x, to, y_pitch, range, scratch);
  }

  ConvPack make_pack(const std::string& kernel, const ConvShape& s, const py::array& plus, const Out& minus,
                     const py::array& threshold, const py::array& invert,
                     std::vector<std::uint32_t>& row_class, std::vector<std::uint32_t>& column_class,
                     const Out& constant, int factor) {
    const kernels::ConvLayout layout = kernels::conv_layout(kernel);
    if (!kernels::conv_supports(layout, s)) throw py::value_error(kernel + " does not support this shape");
    const std::size_t mask_words = product({s.out_channels, words_for(s.inputs())});
    classes_ = static_cast<std::size_t>(threshold.size()) / s.out_channels;
    if (row_class.empty()) row_class.assign(s.out_height(), 0);
    if (column_class.empty()) column_class.assign(s.out_width(), 0);
    check_size("row_class", row_class.size(), s.out_height());
    check_size("column_class", column_class.size(), s.out_width());
    check_classes(row_class, column_class, classes_);
    const ConvNeurons neurons{
        input<std::uint64_t>(plus, "plus", mask_words),
        minus ? input<std::uint64_t>(*minus, "minus", mask_words) : nullptr,
        input<std::int32_t>(threshold, "threshold", classes_ * s.out_channels),
        input<std::uint8_t>(invert, "invert", s.out_channels),
        classes_,
        row_class.data(),
        column_class.data(),
        constant ? input<std::int32_t>(*constant, "constant", classes_ * s.out_channels) : nullptr,
        factor};
    if (sums_of_16_bits(kernel) && !kernels::conv_sums_fit_16_bits(s, neurons))
      throw py::value_error(kernel + ": sums of these neurons may leave 16 bits; take the int32 kernel");
    return ConvPack(s, neurons, layout, kernel.compare(0, 10, "accumulate") == 0);
  }

  std::string kernel_;
  std::size_t classes_ = 0;
  ConvPack pack_;
  kernels::ThresholdConv2d* threshold_ = nullptr;
  kernels::AccumulateConv2d* accumulate_ = nullptr;
  kernels::AccumulateConv2dI16* accumulate16_ = nullptr;
  std::vector<std::uint64_t> scratch_;
};

}  // namespace

void bind_conv_kernels(py::module_& m) {
  const auto none = py::none();
  py::class_<Conv2d>(m, "Conv2d", "A convolution by threshold neurons, packed for one kernel.")
      .def(py::init([](const std::string& kernel, const py::array& plus, const Out& minus,
                       const py::array& threshold, const py::array& invert,
                       const std::array<std::size_t, 3>& image, std::size_t out_channels,
                       const Pair& kernel_size, std::size_t groups, const Pair& stride, const Pair& dilation,
                       const std::array<std::size_t, 4>& padding, bool pad_bit,
                       std::vector<std::uint32_t> row_class, std::vector<std::uint32_t> column_class,
                       const Out& constant, int factor) {
             if (factor != 1 && factor != 2) throw py::value_error("factor must be 1 or 2");
             const ConvShape shape =
                 conv_shape(image, out_channels, groups, kernel_size, stride, dilation, padding, pad_bit);
             return std::make_unique<Conv2d>(kernel, shape, plus, minus, threshold, invert,
                                             std::move(row_class), std::move(column_class), constant, factor);
           }),
           "kernel"_a, "plus"_a, "minus"_a, "threshold"_a, "invert"_a, "image"_a, "out_channels"_a,
           "kernel_size"_a, "groups"_a = 1, "stride"_a = Pair{1, 1}, "dilation"_a = Pair{1, 1},
           "padding"_a = std::array<std::size_t, 4>{}, "pad_bit"_a = false,
           "row_class"_a = std::vector<std::uint32_t>{}, "column_class"_a = std::vector<std::uint32_t>{},
           "constant"_a = none, "factor"_a = 1)
      .def("arrays", &Conv2d::arrays)
      .def("run", &Conv2d::run, "x"_a, "out"_a = none, "rows"_a = none, "blocks"_a = none, "scratch"_a = none,
           "arrays"_a = py::dict(), "y_pitch"_a = 0, "repeats"_a = 1)
      .def_property_readonly("kernel", &Conv2d::kernel)
      .def_property_readonly("scratch_words", &Conv2d::scratch_words)
      .def_property_readonly("blocks", &Conv2d::blocks)
      .def_property_readonly("cycles", &Conv2d::cycles)
      .def_property_readonly("cost_terms", &Conv2d::cost_terms)
      .def_static(
          "supports",
          [](const std::string& kernel, std::size_t inputs) {
            const ConvShape shape = conv_shape({inputs, 1, 1}, 1, 1, {1, 1}, {1, 1}, {1, 1}, {}, false);
            return kernels::conv_supports(kernels::conv_layout(kernel), shape);
          },
          "kernel"_a, "inputs"_a, "Whether the kernel runs windows of so many inputs.");
}

}  // namespace binmorph::python
