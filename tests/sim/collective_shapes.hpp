#pragma once
// Groups to try every algorithm on, and what its transfers add up to.

#include <vector>

#include "sim/collective_algorithm.hpp"

namespace supernode::test {

inline constexpr CollectiveOp kAllOps[] = {
    CollectiveOp::kAllReduce,  CollectiveOp::kAllGather, CollectiveOp::kReduceScatter, CollectiveOp::kAllToAll,
    CollectiveOp::kEpDispatch, CollectiveOp::kEpCombine, CollectiveOp::kSendRecv};

inline GroupShape shape(int nodes, int per_node, bool one_supernode = true) {
  GroupShape shape;
  for (int i = 0; i < nodes * per_node; ++i) {
    shape.node.push_back(i / per_node);
    shape.supernode.push_back(one_supernode ? 0 : i / per_node);
  }
  return shape;
}

// All cells of a grid; nodes are the lines of the first dimension.
inline GroupShape grid_shape(const std::vector<GridDimension>& dimensions) {
  const Grid grid{dimensions};
  const int per_node = static_cast<int>(dimensions.front().size);
  GroupShape all = shape(static_cast<int>(grid.size()) / per_node, per_node);
  all.grid = grid;
  for (std::int32_t i = 0; i < all.size(); ++i) all.cell.push_back(i);
  return all;
}

inline std::vector<GroupShape> all_shapes() {
  return {shape(1, 2),
          shape(1, 3),
          shape(1, 8),
          shape(2, 4),
          shape(4, 4),
          shape(3, 5),
          shape(8, 1),
          shape(7, 1),
          shape(2, 2, false),
          shape(4, 8, false),
          shape(2, 1, false),
          grid_shape({{3, false}, {4, false}}),
          grid_shape({{4, true}, {4, true}}),
          grid_shape({{3, true}, {3, true}}),
          grid_shape({{4, false}, {6, true}}),
          grid_shape({{2, true}, {2, true}, {3, false}})};
}

struct Traffic {
  std::vector<double> out, in;  // bytes by position
};

inline Traffic traffic(const std::vector<Round>& rounds, std::int64_t n) {
  Traffic t{std::vector<double>(static_cast<std::size_t>(n)), std::vector<double>(static_cast<std::size_t>(n))};
  for (const Round& round : rounds)
    for (const Transfer& transfer : round.transfers) {
      if (transfer.from == transfer.to) continue;
      const double bytes = transfer.bytes.value() * static_cast<double>(round.repeat);
      t.out[static_cast<std::size_t>(transfer.from)] += bytes;
      t.in[static_cast<std::size_t>(transfer.to)] += bytes;
    }
  return t;
}

// Calls f(algorithm, call, group) for each algorithm, operation and shape that go together.
template <class F>
void for_each_supported(const std::vector<TokenRouting>& routings, F f) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (const auto& algorithm : registry.all())
    for (const CollectiveOp op : kAllOps)
      for (const GroupShape& group : all_shapes()) {
        const bool experts = op == CollectiveOp::kEpDispatch || op == CollectiveOp::kEpCombine;
        for (const TokenRouting& routing : experts ? routings : std::vector<TokenRouting>{{}}) {
          const CollectiveCall call{op, Bytes(1e6), routing};
          if (algorithm->supports(call, group)) f(*algorithm, call, group);
        }
      }
}

}  // namespace supernode::test
