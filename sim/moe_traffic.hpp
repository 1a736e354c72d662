#pragma once
// What one EP dispatch or combine loads each rank with, before any algorithm: for reports and for the choice of a
// placement. The routing's skew (zipf, histogram, placement, redundant) is that of base/expert_load.hpp.

#include <cstdint>
#include <vector>

#include "base/collective.hpp"
#include "sim/collective_algorithm.hpp"

namespace supernode {

struct MoeTraffic {
  std::int64_t ranks = 0;
  std::vector<double> load;   // per rank: experts to run for one token of each rank, over the mean; 1 = balanced
  double imbalance = 1;       // the largest of `load`
  std::vector<Bytes> matrix;  // from rank i to rank j at i·ranks + j, each token once per rank; 0 on the diagonal
  Bytes busiest_port{};       // the most that leaves or enters one rank

  Bytes between(std::int64_t from, std::int64_t to) const {
    return matrix[static_cast<std::size_t>(from * ranks + to)];
  }
};

// `call` is an EP dispatch or combine with an acceptable routing (routing_error). Nodes matter for a node limit only.
MoeTraffic moe_traffic(const CollectiveCall& call, const GroupShape& group);

}  // namespace supernode
