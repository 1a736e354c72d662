#pragma once
// How many rows a MoE layer moves and multiplies on one rank. Equations and sources: docs/models/moe.md.

#include "workloads/layer_part.hpp"

namespace supernode {

// Of one rank and micro-batch: the busiest rank of the expert group, which the others wait for.
struct MoeLoad {
  double choices = 0;      // real experts of a token, on average
  std::int64_t draws = 0;  // the same in whole choices, as the exchange sees them
  double factor = 1;       // of the mean load, what this rank has after imbalance, dropping and padding
  double copies = 0;       // rows of the experts before expert tensor parallelism gathers: one a token and expert
  double distinct = 0;     // distinct tokens among them
  double carried = 0;      // rows that the exchange leaves on this rank: distinct ones, copies or the whole group's
  std::int64_t expert_rows = 0;  // of one expert's product, whole rows
};

MoeLoad moe_load(const RankShape& shape);

}  // namespace supernode
