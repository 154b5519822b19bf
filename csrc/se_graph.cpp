#include "se_graph.h"

#include <algorithm>
#include <utility>

namespace binmorph {
namespace {

constexpr double kStore = 1.0;
constexpr std::size_t kShortRun = 8, kLongRun = 32;
constexpr double kBlockRows = 32;  // nodes before the result are also computed on rows past those of a block
constexpr std::size_t kSourcesPerStep = 3;  // more at once would need all of them in L1 together

SeOffset along(SeAxis axis, std::int32_t distance) {
  return axis == SeAxis::rows ? SeOffset{distance, 0} : SeOffset{0, distance};
}

SeRead moved(SeRead read, SeOffset by) {
  read.at.row += by.row;
  read.at.x += by.x;
  return read;
}

std::vector<SeRun> runs_in(std::vector<std::int32_t> positions) {
  std::sort(positions.begin(), positions.end());
  std::vector<SeRun> runs;
  for (const std::int32_t p : positions) {
    if (!runs.empty() && p < runs.back().first + runs.back().length) continue;  // a duplicate
    if (!runs.empty() && p == runs.back().first + runs.back().length) {
      ++runs.back().length;
    } else {
      runs.push_back({p, 1});
    }
  }
  return runs;
}

SeAxis other(SeAxis axis) { return axis == SeAxis::rows ? SeAxis::columns : SeAxis::rows; }

}  // namespace

SeLines lines_of(const std::vector<kernels::SePoint>& points, SeAxis major) {
  std::map<std::int32_t, std::vector<std::int32_t>> lines;
  for (const kernels::SePoint& p : points) {
    if (major == SeAxis::rows) {
      lines[p.dy].push_back(p.dx);
    } else {
      lines[p.dx].push_back(p.dy);
    }
  }
  std::map<std::vector<SeRun>, std::vector<std::int32_t>> places;
  for (const auto& [place, positions] : lines) places[runs_in(positions)].push_back(place);
  SeLines result;
  for (const auto& [line, where] : places) result[line] = runs_in(where);
  return result;
}

SeGraph::SeGraph(const SeLines& lines, SeChoice choice, bool planar) : planar_(planar), nodes_(1) {
  std::vector<SeRead> result;
  for (const auto& [line, places] : lines) add_line(line, places, choice, result);
  finish(std::move(result));
  for (std::size_t i = nodes_.size(); i-- > 1;)
    for (const SeRead& read : nodes_[i].reads) {
      std::uint32_t& extra = nodes_[read.node].extra_rows;
      extra = std::max(extra, nodes_[i].extra_rows + static_cast<std::uint32_t>(read.at.row));
    }
}

// A run of whole words is folded for four results at once.
bool SeGraph::is_run(const std::vector<SeRead>& reads) const {
  if (reads.size() < 3 || reads.size() > kLongRun) return false;
  const std::int32_t down = reads[1].at.row - reads[0].at.row, along = reads[1].at.x - reads[0].at.x;
  if (shifted(reads[0]) || (along == 0 ? down != 1 : !planar_ || down != 0 || along != 1)) return false;
  for (std::size_t i = 1; i < reads.size(); ++i)
    if (reads[i].node != reads[0].node || reads[i].at.row - reads[i - 1].at.row != down ||
        reads[i].at.x - reads[i - 1].at.x != along)
      return false;
  return true;
}

double SeGraph::reads_cost(const std::vector<SeRead>& reads) const {
  if (is_run(reads)) return (static_cast<double>(reads.size()) + 3) / (reads.size() <= kShortRun ? 4 : 2);
  double cost = 0;
  for (const SeRead& read : reads) cost += read_cost(read);
  return cost;
}

double SeGraph::cost() const {
  double cost = 2;  // the copy into the block
  for (std::size_t i = 1; i < nodes_.size(); ++i)
    cost += (reads_cost(nodes_[i].reads) + kStore) * (1 + nodes_[i].extra_rows / kBlockRows);
  return cost;
}

std::uint32_t SeGraph::add(std::vector<SeRead> reads) {
  // A step takes a limited number of operands: the first of them are folded by a step of their own.
  while (reads.size() > kernels::kSeMaxOperands) {
    const auto end = reads.begin() + kernels::kSeMaxOperands;
    nodes_.push_back({{reads.begin(), end}});
    reads.erase(reads.begin(), end);
    reads.push_back({static_cast<std::uint32_t>(nodes_.size() - 1), {0, 0}});
  }
  nodes_.push_back({std::move(reads)});
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

// The fold of node over `length` consecutive positions: twice a run of at least half the length, overlapping.
std::uint32_t SeGraph::run_of(std::uint32_t node, SeAxis axis, std::int32_t length) {
  if (length == 1) return node;
  auto& known = runs_[{node, axis}];
  const auto found = known.upper_bound(length);
  std::int32_t half = 0;
  if (found != known.begin()) half = std::prev(found)->first;
  if (half == length) return known[length];
  if (2 * half < length) half = (length + 1) / 2;
  const std::uint32_t part = run_of(node, axis, half);
  const std::uint32_t made = add({{part, {0, 0}}, {part, along(axis, length - half)}});
  runs_[{node, axis}][length] = made;
  return made;
}

// Reads that together fold base over a run along an axis.
void SeGraph::cover(const SeRead& base, SeAxis axis, SeRun run, std::int32_t chain,
                    std::vector<SeRead>& reads) {
  if (run.length < chain) {
    for (std::int32_t i = 0; i < run.length; ++i) reads.push_back(moved(base, along(axis, run.first + i)));
    return;
  }
  const SeRead first = moved(base, along(axis, run.first));
  // Two overlapping runs of a power of two serve any length along the rows, where a read more costs little.
  if (axis == SeAxis::rows) {
    std::int32_t power = 1;
    while (2 * power <= run.length) power *= 2;
    const std::uint32_t node = run_of(base.node, axis, power);
    reads.push_back({node, first.at});
    if (power < run.length) reads.push_back(moved({node, first.at}, along(axis, run.length - power)));
    return;
  }
  reads.push_back({run_of(base.node, axis, run.length), first.at});
}

void SeGraph::add_line(const std::vector<SeRun>& line, const std::vector<SeRun>& places, SeChoice choice,
                       std::vector<SeRead>& result) {
  const SeAxis major = choice.major, minor = other(major);
  std::vector<SeRead> reads;
  for (const SeRun& run : line) cover({0, {0, 0}}, minor, run, choice.chain_minor, reads);
  std::int32_t count = 0;
  for (const SeRun& run : places) count += run.length;
  if (count == 1) {
    for (const SeRead& read : reads) result.push_back(moved(read, along(major, places[0].first)));
    return;
  }
  SeRead base = reads.size() == 1 ? reads[0] : SeRead{add(reads), {0, 0}};
  std::vector<SeRead> across;
  const SeOffset offset = base.at;
  base.at = {0, 0};
  for (const SeRun& run : places) cover(base, major, run, choice.chain_major, across);
  // The line's own offset: on every read, or once on a fold of them if that is cheaper.
  std::vector<SeRead> moved_reads;
  for (const SeRead& read : across) moved_reads.push_back(moved(read, offset));
  const SeRead once{0, offset};
  if (across.size() > 1 && reads_cost(across) + kStore + read_cost(once) < reads_cost(moved_reads)) {
    // Rows of a buffer start at the topmost row read: the fold keeps its rows, the offset moves along x only.
    result.push_back({add(across), offset});
    return;
  }
  result.insert(result.end(), moved_reads.begin(), moved_reads.end());
}

// The result of few sources is one step; of many, a step per few sources that goes on with what the last one
// left.
void SeGraph::finish(std::vector<SeRead> result) {
  std::stable_sort(result.begin(), result.end(),
                   [](const SeRead& a, const SeRead& b) { return a.node < b.node; });
  std::vector<SeRead> step;
  std::vector<std::vector<SeRead>> steps;
  std::size_t sources = 0;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (i != 0 && result[i].node != result[i - 1].node && ++sources % kSourcesPerStep == 0)
      steps.push_back(std::exchange(step, {}));
    step.push_back(result[i]);
  }
  steps.push_back(std::move(step));
  for (std::size_t s = 0; s + 1 < steps.size(); ++s) {
    const std::uint32_t sum = add(std::move(steps[s]));
    steps[s + 1].insert(steps[s + 1].begin(), {sum, {0, 0}});
  }
  add(std::move(steps.back()));
}

}  // namespace binmorph
