#include "binmorph/se_plan.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "se_columns.h"
#include "se_graph.h"

namespace binmorph {
namespace {

using kernels::SeOperand;
using kernels::SePoint;
using kernels::SeStep;

constexpr std::size_t kManyPoints = 4096;  // beyond: fewer variants are tried

std::int32_t floor_div64(std::int32_t x) { return x >= 0 ? x / 64 : -((63 - x) / 64); }

// Nodes in the order of a walk from the result: values are made shortly before they are used.
std::vector<std::uint32_t> schedule(const std::vector<SeNode>& nodes) {
  std::vector<std::uint32_t> order, path;
  std::vector<bool> done(nodes.size(), false);
  done[0] = true;
  path.push_back(static_cast<std::uint32_t>(nodes.size() - 1));
  while (!path.empty()) {
    const std::uint32_t node = path.back();
    const auto& reads = nodes[node].reads;
    const auto next =
        std::find_if(reads.begin(), reads.end(), [&](const SeRead& r) { return !done[r.node]; });
    if (next != reads.end()) {
      path.push_back(next->node);
      continue;
    }
    path.pop_back();
    if (!done[node]) order.push_back(node);
    done[node] = true;
  }
  return order;
}

// Buffers by number, the lowest free one first.
class Buffers {
 public:
  std::uint32_t take() {
    const auto free = std::find(taken_.begin(), taken_.end(), false);
    const auto index = static_cast<std::uint32_t>(free - taken_.begin());
    if (free == taken_.end()) {
      taken_.push_back(true);
    } else {
      *free = true;
    }
    return index;
  }
  void give_back(std::uint32_t buffer) { taken_[buffer] = false; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(taken_.size()); }

 private:
  std::vector<bool> taken_;
};

// Whether the points are those of a centred element with loops of its own.
kernels::SeSpecial special_of(const std::vector<SePoint>& points) {
  std::set<std::pair<std::int32_t, std::int32_t>> cells;
  for (const SePoint& p : points) cells.insert({p.dy, p.dx});
  const auto is = [&](std::int32_t reach, auto belongs) {
    std::size_t count = 0;
    for (std::int32_t y = -reach; y <= reach; ++y)
      for (std::int32_t x = -reach; x <= reach; ++x)
        if (belongs(y * y + x * x)) {
          ++count;
          if (cells.count({y, x}) == 0) return false;
        }
    return count == cells.size();
  };
  if (is(1, [](std::int32_t) { return true; })) return kernels::SeSpecial::box3;
  if (is(2, [](std::int32_t) { return true; })) return kernels::SeSpecial::box5;
  if (is(1, [](std::int32_t d) { return d <= 1; })) return kernels::SeSpecial::cross3;
  if (is(2, [](std::int32_t d) { return d <= 4; })) return kernels::SeSpecial::disk5;
  return kernels::SeSpecial::none;
}

std::unique_ptr<SeGraph> cheapest(const std::vector<SePoint>& points, bool planar, std::string& order) {
  const std::vector<std::int32_t> chains = points.size() > kManyPoints
                                               ? std::vector<std::int32_t>{3, 8}
                                               : std::vector<std::int32_t>{2, 4, 8, 1 << 30};
  std::unique_ptr<SeGraph> best;
  for (const SeAxis major : {SeAxis::rows, SeAxis::columns}) {
    const SeLines lines = lines_of(points, major);
    for (const std::int32_t minor_chain : chains)
      for (const std::int32_t major_chain : chains) {
        auto graph = std::make_unique<SeGraph>(lines, SeChoice{major, minor_chain, major_chain}, planar);
        if (best != nullptr && graph->cost() >= best->cost()) continue;
        best = std::move(graph);
        order = std::to_string(lines.size()) + " distinct " + (major == SeAxis::rows ? "rows" : "columns");
      }
  }
  return best;
}

}  // namespace

SePlan::SePlan(std::vector<SePoint> points, bool planar) : points_(std::move(points)), planar_(planar) {
  std::int32_t top = 0, bottom = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const SePoint& p = points_[i];
    top = i == 0 ? p.dy : std::min(top, p.dy);
    bottom = i == 0 ? p.dy : std::max(bottom, p.dy);
    left = std::min(left, p.dx);
    right = std::max(right, p.dx);
  }
  top_ = top;
  reach_ = static_cast<std::uint32_t>(bottom - top);
  left_words_ = static_cast<std::uint32_t>(-(planar ? left : floor_div64(left)));
  right_words_ = static_cast<std::uint32_t>(planar ? right : floor_div64(right + 63));

  special_ = special_of(points_);
  std::vector<SePoint> from_top = points_;
  for (SePoint& p : from_top) p.dy -= top;
  const std::unique_ptr<SeGraph> graph = cheapest(from_top, planar, order_);
  const std::vector<SeNode>& nodes = graph->nodes();
  cost_ = graph->cost();
  if (!planar) {
    auto columns = std::make_shared<SeColumnPlan>(from_top);
    if (!columns->empty() && columns->cost() < cost_) {
      cost_ = columns->cost();
      columns_ = std::move(columns);
    }
  }

  const std::vector<std::uint32_t> order = schedule(nodes);
  std::vector<std::size_t> last_use(nodes.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const SeRead& read : nodes[order[i]].reads) last_use[read.node] = i;
  Buffers buffers;
  std::vector<std::uint32_t> buffer_of(nodes.size(), 0);
  buffer_of[0] = buffers.take();
  for (std::size_t i = 0; i < order.size(); ++i) {
    const SeNode& node = nodes[order[i]];
    SeStep step{static_cast<std::uint32_t>(operands_.size()), 0, 0, 0, node.extra_rows};
    for (const bool shifted : {false, true})
      for (const SeRead& read : node.reads) {
        const std::int32_t word = planar ? read.at.x : floor_div64(read.at.x);
        const auto bit = static_cast<std::uint32_t>(planar ? 0 : read.at.x - 64 * word);
        if ((bit != 0) != shifted) continue;
        operands_.push_back({buffer_of[read.node], read.at.row, word, bit});
        ++(shifted ? step.shifted : step.plain);
      }
    // A value that dies here may be overwritten, unless a word before the one written is read.
    std::vector<std::uint32_t> dying;
    for (const SeRead& read : node.reads)
      if (last_use[read.node] == i && std::find(dying.begin(), dying.end(), read.node) == dying.end())
        dying.push_back(read.node);
    const auto behind = [&](std::uint32_t source) {
      return std::any_of(node.reads.begin(), node.reads.end(),
                         [&](const SeRead& r) { return r.node == source && r.at.row == 0 && r.at.x < 0; });
    };
    for (const std::uint32_t source : dying)
      if (!behind(source)) buffers.give_back(buffer_of[source]);
    if (i + 1 < order.size()) {
      step.dst = buffers.take();
      buffer_of[order[i]] = step.dst;
    }
    for (const std::uint32_t source : dying)
      if (behind(source)) buffers.give_back(buffer_of[source]);
    steps_.push_back(step);
  }
  buffers_ = buffers.count() + 1;  // the last one is for results of narrow images
  steps_.back().dst = buffers_ - 1;
}

kernels::SeProgram SePlan::program() const {
  return {points_.data(), points_.size(),   steps_.data(),
          steps_.size(),  operands_.data(), buffers_,
          top_,           reach_,           left_words_,
          right_words_,   special_,         columns_ == nullptr ? kernels::SeColumns{} : columns_->columns()};
}

std::string SePlan::describe() const {
  char line[160];
  std::snprintf(line, sizeof line,
                "%zu points in %s; %zu steps, %u buffers, %.1f reads and writes per vector", points_.size(),
                order_.c_str(), steps_.size(), buffers_ - 1, cost_);
  std::string text = line;
  if (special_ != kernels::SeSpecial::none) {
    text += "; an unrolled loop instead of the steps";
  } else if (columns_ != nullptr) {
    std::snprintf(line, sizeof line, "; instead of the steps, where rows are wide enough, %s",
                  columns_->describe().c_str());
    text += line;
  }
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const SeStep& step = steps_[s];
    text += s + 1 == steps_.size() ? "\n  result =" : "\n  b" + std::to_string(step.dst) + " =";
    const std::uint32_t all = step.plain + step.shifted;
    if (all == 0) text += " constant";
    for (std::uint32_t j = 0; j < all; ++j) {
      const SeOperand& o = operands_[step.first_operand + j];
      const long x = planar_ ? o.word : 64L * o.word + o.bit;
      std::snprintf(line, sizeof line, "%s b%u[%+d, %+ld]", j == 0 ? "" : " *", o.buffer, o.row, x);
      text += line;
    }
  }
  return text;
}

}  // namespace binmorph
