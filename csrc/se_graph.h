// Folds of shifted folds: what a compiled element is before its values are given buffers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "kernels/morphology2d/morphology2d.h"

namespace binmorph {

struct SeOffset {
  std::int32_t row, x;
};

// Read of node `node` at (row, x) from the place written. Node 0 is the image.
struct SeRead {
  std::uint32_t node;
  SeOffset at;
};

struct SeNode {
  std::vector<SeRead> reads;
  std::uint32_t extra_rows = 0;
};

enum class SeAxis : std::uint8_t { rows, columns };

// Consecutive positions along an axis: first, first + 1 .. first + length - 1.
struct SeRun {
  std::int32_t first, length;
  bool operator<(const SeRun& o) const { return length != o.length ? length < o.length : first < o.first; }
};

struct SeChoice {
  SeAxis major;              // elements are cut into lines across this axis
  std::int32_t chain_minor;  // runs at least this long along the lines are built by doubling
  std::int32_t chain_major;  // the same across the lines
};

// The element's lines: equal lines (as runs along them) with the runs of places where they stand.
using SeLines = std::map<std::vector<SeRun>, std::vector<SeRun>>;

SeLines lines_of(const std::vector<kernels::SePoint>& points, SeAxis major);

class SeGraph {
 public:
  SeGraph(const SeLines& lines, SeChoice choice, bool planar);

  const std::vector<SeNode>& nodes() const { return nodes_; }  // the last one is the result
  double cost() const;

 private:
  bool shifted(const SeRead& read) const { return !planar_ && read.at.x % 64 != 0; }
  double read_cost(const SeRead& read) const { return shifted(read) ? 2.6 : 1.0; }
  bool is_run(const std::vector<SeRead>& reads) const;
  double reads_cost(const std::vector<SeRead>& reads) const;
  std::uint32_t add(std::vector<SeRead> reads);
  std::uint32_t run_of(std::uint32_t node, SeAxis axis, std::int32_t length);
  void cover(const SeRead& base, SeAxis axis, SeRun run, std::int32_t chain, std::vector<SeRead>& reads);
  void add_line(const std::vector<SeRun>& line, const std::vector<SeRun>& places, SeChoice choice,
                std::vector<SeRead>& result);
  void finish(std::vector<SeRead> result);

  bool planar_;
  std::vector<SeNode> nodes_;
  // (node, axis) -> length -> node of the run of that length
  std::map<std::pair<std::uint32_t, SeAxis>, std::map<std::int32_t, std::uint32_t>> runs_;
};

}  // namespace binmorph
