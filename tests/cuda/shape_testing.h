// The shapes of the CPU's kernel tests: lines "kind number number ..." of the file that shapes.py writes.
#pragma once

#include <fstream>
#include <sstream>

#include "window_testing.h"

namespace binmorph::cuda::testing {

class ShapeFile {
 public:
  // The file is the argument of that number, if there is one.
  ShapeFile(int argc, char** argv, int number = 1) : given_(argc > number) {
    std::ifstream file(given_ ? argv[number] : "");
    for (std::string line; std::getline(file, line);) lines_.push_back(line);
  }

  explicit operator bool() const { return given_; }

  std::vector<std::vector<std::uint32_t>> of(const std::string& kind) const {
    std::vector<std::vector<std::uint32_t>> result;
    for (const std::string& line : lines_) {
      std::istringstream words(line);
      std::string first;
      words >> first;
      if (first != kind) continue;
      result.emplace_back();
      for (std::uint32_t n; words >> n;) result.back().push_back(n);
    }
    if (result.empty()) throw std::runtime_error("no shapes of kind " + kind);
    return result;
  }

  std::vector<std::uint32_t> numbers(const std::string& kind) const {
    std::vector<std::uint32_t> result;
    for (const auto& line : of(kind)) result.push_back(line.at(0));
    return result;
  }

  std::vector<ConvGeometry> windows(const std::string& kind) const {
    std::vector<ConvGeometry> result;
    for (const auto& n : of(kind)) {
      const auto at = [&n](std::size_t i) { return static_cast<std::int32_t>(n.at(i)); };
      result.push_back({1, n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7), n.at(8),
                        n.at(9), n.at(10), n.at(11), n.at(12), at(13), at(14),
                        n.at(15) != 0 ? kernels::Border::ones : kernels::Border::zeros});
    }
    return result;
  }

  // Convolutions of bits: `own` with each form of weights, or those of the file, which are many, with one
  // form after the other.
  std::vector<std::pair<ConvGeometry, kernels::ConvForm>> neurons(
      const std::vector<ConvGeometry>& own) const {
    using kernels::ConvForm;
    constexpr ConvForm kForms[] = {ConvForm::mask, ConvForm::sign, ConvForm::ternary};
    std::vector<std::pair<ConvGeometry, ConvForm>> result;
    if (given_) {
      for (const ConvGeometry& g : windows("threshold")) result.emplace_back(g, kForms[result.size() % 3]);
      return result;
    }
    for (const ConvGeometry& g : own)
      for (const ConvForm form : kForms) result.emplace_back(g, form);
    return result;
  }

 private:
  bool given_;
  std::vector<std::string> lines_;
};

}  // namespace binmorph::cuda::testing
