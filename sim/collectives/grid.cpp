// Collectives over a grid of devices, one dimension after the other. Reductions: reduce-scatter along the first
// dimension, then along the next on what is left, all-gather in the opposite order. All-to-all: along each dimension
// the blocks of all ranks that share the coordinate, each in one round over the lines' own routes. Along a full mesh a
// rank sends to all others of its line at once; round a ring half the data goes either way (Jain & Sabharwal, 2010:
// bucket algorithms on tori; HCCL's mesh per server dimension).
//
// `grid` is one such sequence, so that one dimension's links work at a time. `grid_split` cuts the data in as many
// parts as there are dimensions, and part p starts with dimension p: all links work at once, and on dimensions of equal
// size and speed the links' sum decides (Sack & Gropp, 2015, for tori).

#include <algorithm>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/grid_box.hpp"

namespace supernode {
namespace {

// To all others of a line at once; `bytes` to each.
Round to_all(const GridBox& box, std::size_t dimension, Bytes bytes) {
  Round round;
  for (const auto& line : box.lines(dimension))
    for (std::size_t i = 0; i < line.size(); ++i)
      for (std::size_t shift = 1; shift < line.size(); ++shift)
        round.transfers.push_back({line[i], line[(i + shift) % line.size()], bytes});
  return round;
}

// Both ways round each line, n-1 times; `bytes` in a block of the line.
Round both_ways(const GridBox& box, std::size_t dimension, Bytes bytes) {
  Round round{{}, box.dimensions[dimension].size - 1};
  for (const auto& line : box.lines(dimension))
    for (std::size_t i = 0; i < line.size(); ++i) {
      round.transfers.push_back({line[i], line[(i + 1) % line.size()], bytes / 2});
      round.transfers.push_back({line[i], line[(i + line.size() - 1) % line.size()], bytes / 2});
    }
  return round;
}

// A ring of two is one link.
bool circular(const GridDimension& dimension) { return dimension.ring && dimension.size > 2; }

std::vector<Round> reduction(const CollectiveCall& call, const GridBox& box, const std::vector<std::size_t>& order,
                             Bytes bytes) {
  std::vector<Round> scatter;
  for (const std::size_t d : order) {
    bytes = bytes / real(box.dimensions[d].size);
    scatter.push_back(circular(box.dimensions[d]) ? both_ways(box, d, bytes) : to_all(box, d, bytes));
  }
  std::vector<Round> rounds;
  if (call.op != CollectiveOp::kAllGather) rounds = scatter;
  if (call.op != CollectiveOp::kReduceScatter) rounds.insert(rounds.end(), scatter.rbegin(), scatter.rend());
  return rounds;
}

std::vector<Round> exchange(const GridBox& box, const std::vector<std::size_t>& order, Bytes bytes) {
  std::vector<Round> rounds;
  for (const std::size_t d : order) rounds.push_back(to_all(box, d, bytes / real(box.dimensions[d].size)));
  return rounds;
}

// Sequences of rounds side by side: round i of each at once.
std::vector<Round> side_by_side(std::vector<std::vector<Round>> parts) {
  std::vector<Round> merged;
  for (auto& part : parts) std::ranges::reverse(part);
  while (true) {
    std::erase_if(parts, [](const auto& part) { return part.empty(); });
    if (parts.empty()) return merged;
    Round round{{}, parts.front().back().repeat};
    for (const auto& part : parts) round.repeat = std::min(round.repeat, part.back().repeat);
    for (auto& part : parts) {
      Round& next = part.back();
      round.transfers.insert(round.transfers.end(), next.transfers.begin(), next.transfers.end());
      next.repeat -= round.repeat;
      if (next.repeat == 0) part.pop_back();
    }
    merged.push_back(std::move(round));
  }
}

class GridCollective : public CollectiveAlgorithm {
 public:
  explicit GridCollective(bool split) : split_(split) {}
  std::string name() const override { return split_ ? "grid_split" : "grid"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    if (reduction_phases(call.op) == 0 && call.op != CollectiveOp::kAllToAll) return false;
    const auto box = grid_box(group);
    return box && box->dimensions.size() >= (split_ ? 2u : 1u);
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const GridBox box = *grid_box(group);
    const std::size_t count = box.dimensions.size(), part_count = split_ ? count : 1;
    const Bytes bytes = call.bytes / static_cast<double>(part_count);
    std::vector<std::vector<Round>> parts;
    for (std::size_t p = 0; p < part_count; ++p) {
      std::vector<std::size_t> order;
      for (std::size_t d = 0; d < count; ++d) order.push_back((p + d) % count);
      const bool reduces = reduction_phases(call.op) > 0;
      parts.push_back(reduces ? reduction(call, box, order, bytes) : exchange(box, order, bytes));
    }
    return side_by_side(std::move(parts));
  }
  // One message to each other rank of a line, or each step round it, and phase.
  std::int64_t steps(const CollectiveCall& call, const GroupShape& group) const override {
    const GridBox box = *grid_box(group);
    std::int64_t peers = 0;
    for (const GridDimension& dimension : box.dimensions) peers += dimension.size - 1;
    return std::max<std::int64_t>(1, reduction_phases(call.op)) * peers;
  }

 private:
  bool split_;
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_grid() { return std::make_unique<GridCollective>(false); }
std::unique_ptr<CollectiveAlgorithm> make_grid_split() { return std::make_unique<GridCollective>(true); }

}  // namespace supernode
