#pragma once
// What computation and communication that run at once cost one another, from published cases: the evidence behind
// ChipSpec::overlap_slowdown (docs/models/collectives.md, interference).

#include <cstdint>

#include "base/quantity.hpp"

namespace supernode {

// A matrix product and a collective that depends on it, cut into chunks: chunk i is sent while chunk i+1 is computed.
struct OverlapCase {
  Seconds compute{}, communication{};  // each alone
  std::int64_t chunks = 1;
  Seconds together{};
};

// The factor by which both go slower while both run, the same for either, so that the chunks take `together`: the first
// chunk is computed alone, the last sent alone. At least 1 where the case is faster than that; asserts positive times
// and two chunks or more.
double implied_slowdown(const OverlapCase& measured);

// Of kernels that need all cores when a library's kernels hold some: its channels (NCCL) or queues (DeepEP) run one
// block a core for as long as the collective does. 132 cores, 20 held: 1.179. Asserts 0 <= held < cores.
double core_share_slowdown(std::int64_t cores, std::int64_t held);

}  // namespace supernode
