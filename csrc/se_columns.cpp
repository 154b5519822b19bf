#include "se_columns.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

namespace binmorph {
namespace {

using kernels::SePoint;
using Rows = std::set<std::uint32_t>;

constexpr std::int32_t kFarthest = 63;  // a shift brings in pixels of one further word
// Per vector of the result, in the unit of SeGraph: measured on Zen 4.
constexpr double kLoad = 1.0, kShift = 1.0, kWider = 2.5, kColumn = 1.0;

struct Column {
  Rows rows;
  std::vector<std::int32_t> places;
};

std::vector<Column> distinct_columns(const std::vector<SePoint>& points) {
  std::map<std::int32_t, Rows> columns;
  for (const SePoint& p : points) columns[p.dx].insert(static_cast<std::uint32_t>(p.dy));
  std::map<Rows, std::vector<std::int32_t>> places;
  for (const auto& [x, rows] : columns) places[rows].push_back(x);
  std::vector<Column> result;
  for (auto& [rows, where] : places) result.push_back({rows, std::move(where)});
  std::stable_sort(result.begin(), result.end(),
                   [](const Column& a, const Column& b) { return a.rows.size() < b.rows.size(); });
  return result;
}

bool contains(const Rows& large, const Rows& small) {
  return std::includes(large.begin(), large.end(), small.begin(), small.end());
}

// In an order in which as many columns as possible follow one that they contain: from the smallest that is
// left, always on to the next larger one that contains it.
std::vector<Column> chained(std::vector<Column> columns) {
  std::vector<Column> result;
  while (!columns.empty()) {
    auto next = columns.begin();
    while (next != columns.end()) {
      result.push_back(std::move(*next));
      const Rows& rows = result.back().rows;
      next = columns.erase(next);
      next = std::find_if(next, columns.end(), [&](const Column& c) { return contains(c.rows, rows); });
    }
  }
  return result;
}

// The places as runs: (first, length).
std::vector<std::pair<std::int32_t, std::int32_t>> runs_of(const std::vector<std::int32_t>& places) {
  std::vector<std::pair<std::int32_t, std::int32_t>> runs;
  for (const std::int32_t x : places) {
    if (!runs.empty() && x == runs.back().first + runs.back().second) {
      ++runs.back().second;
    } else {
      runs.push_back({x, 1});
    }
  }
  return runs;
}

std::vector<std::uint64_t> doublings(std::int32_t width) {
  std::vector<std::uint64_t> result;
  for (std::int32_t made = 1; made < width;) {
    const std::int32_t more = std::min(made, width - made);
    result.push_back(static_cast<std::uint64_t>(more));
    made += more;
  }
  return result;
}

// A fold that was made `width` pixels wide covers runs by standing at fewer places.
struct Cover {
  std::vector<std::uint64_t> wider;
  std::vector<std::int32_t> places;
  double cost() const {
    return kWider * static_cast<double>(wider.size()) + kShift * static_cast<double>(places.size());
  }
};

Cover cover_of(const std::vector<std::int32_t>& places) {
  const auto runs = runs_of(places);
  std::int32_t shortest = runs[0].second;
  for (const auto& run : runs) shortest = std::min(shortest, run.second);
  Cover best{{}, places};
  for (std::int32_t width = 2; width <= shortest; ++width) {
    Cover cover{doublings(width), {}};
    for (const auto& [first, length] : runs) {
      for (std::int32_t x = first; x + width < first + length; x += width) cover.places.push_back(x);
      cover.places.push_back(first + length - width);
    }
    if (cover.cost() < best.cost()) best = std::move(cover);
  }
  return best;
}

}  // namespace

SeColumnPlan::SeColumnPlan(const std::vector<SePoint>& points) {
  for (const SePoint& p : points)
    if (std::abs(p.dx) > kFarthest || p.dy > static_cast<std::int32_t>(kernels::kSeColumnsReach)) return;
  const std::vector<Column> columns = chained(distinct_columns(points));
  const Rows none;
  const Rows* before = &none;
  for (const Column& column : columns) {
    const bool grows = contains(column.rows, *before);
    for (const std::uint32_t row : column.rows)
      if (!grows || before->count(row) == 0) rows_.push_back(row);
    before = &column.rows;
    const auto end = [&] { return static_cast<std::uint32_t>(shifts_.size()); };
    const Cover cover = cover_of(column.places);
    kernels::SeColumn made{static_cast<std::uint32_t>(rows_.size()), 0, 0, 0, grows};
    shifts_.insert(shifts_.end(), cover.wider.begin(), cover.wider.end());
    made.wider_end = end();
    for (const std::int32_t x : cover.places)
      if (x <= 0) shifts_.push_back(static_cast<std::uint64_t>(-x));
    made.left_end = end();
    for (const std::int32_t x : cover.places)
      if (x > 0) shifts_.push_back(static_cast<std::uint64_t>(x));
    made.right_end = end();
    list_.push_back(made);
    cost_ += cover.cost() + kColumn;
  }
  cost_ += kLoad * static_cast<double>(rows_.size());
}

std::string SeColumnPlan::describe() const {
  char text[120];
  std::snprintf(text, sizeof text, "%zu distinct columns: %zu rows and %zu shifts, cost %.1f", list_.size(),
                rows_.size(), shifts_.size(), cost_);
  return text;
}

}  // namespace binmorph
