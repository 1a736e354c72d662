#pragma once
// ZeRO-3 (FSDP): the parameter gathers of one pass, a unit (layer, embedding, head) each.

#include <vector>

#include "workloads/layer_part.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

// With overlap.param_gather each unit's gather is launched when the unit before it starts, so that two units' whole
// parameters are on the device at a time (PyTorch FSDP's forward and backward prefetch); that of a pass's first unit
// nothing hides. Without overlap each unit waits for its own.
class UnitGathers {
 public:
  // `units` in the order in which the pass uses them; units without weights gather nothing.
  UnitGathers(const RankShape& shape, const std::vector<RankWeights>& units, EventSource& events);

  // Appends what goes before unit `i`. Call for each unit, in order.
  void before(std::size_t i, std::vector<Op>& ops) const;

 private:
  std::vector<std::vector<Op>> gathers_;
};

}  // namespace supernode
