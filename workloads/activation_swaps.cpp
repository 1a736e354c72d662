#include "workloads/activation_swaps.hpp"

#include "workloads/offload_ops.hpp"

namespace supernode {

ActivationSwaps::ActivationSwaps(const std::vector<Bytes>& units, bool overlap, EventSource& events)
    : overlap_(overlap) {
  for (std::size_t unit = 0; unit < units.size(); ++unit) {
    if (units[unit] <= Bytes(0)) continue;
    Swap swap{unit, host_op("activation.evict", units[unit]), host_op("activation.fetch", units[unit])};
    for (Op* op : {&swap.evict, &swap.fetch}) {
      if (!overlap) continue;
      op->kind = Op::Kind::kCommAsync;
      op->event = events.next();
    }
    swaps_.push_back(std::move(swap));
  }
}

const ActivationSwaps::Swap* ActivationSwaps::find(std::size_t unit) const {
  for (const Swap& swap : swaps_) {
    if (swap.unit == unit) return &swap;
  }
  return nullptr;
}

void ActivationSwaps::behind_forward(std::size_t unit, bool first, std::vector<Op>& ops) const {
  const Swap* swap = find(unit);
  if (swap == nullptr) return;
  const bool begins = swap == &swaps_.front();
  if (overlap_ && !(begins && first)) ops.push_back(wait_for(begins ? swaps_.back().evict : (swap - 1)->evict));
  ops.push_back(swap->evict);
  if (overlap_ && first && swap == &swaps_.back()) ops.push_back(swap->fetch);
}

void ActivationSwaps::before_backward(std::size_t unit, bool last, std::vector<Op>& ops) const {
  const Swap* swap = find(unit);
  if (swap == nullptr) return;
  if (!overlap_) {
    ops.push_back(swap->fetch);
    return;
  }
  ops.push_back(wait_for(swap->fetch));
  const bool ends = swap == &swaps_.front();
  if (!ends) ops.push_back((swap - 1)->fetch);
  if (ends && !last) ops.push_back(swaps_.back().fetch);
}

void ActivationSwaps::finish(std::vector<Op>& ops) const {
  if (overlap_ && !swaps_.empty()) ops.push_back(wait_for(swaps_.back().evict));
}

}  // namespace supernode
