#pragma once
// Activations of one chunk swapped to host memory behind the forward pass of each unit and back before its backward
// pass.

#include <vector>

#include "workloads/layer_part.hpp"

namespace supernode {

// Overlapped, there are two buffers: while one unit runs the one before it leaves the device, and the one after it in
// the backward pass comes back. The last unit of a forward pass leaves under the next forward pass of the chunk (under
// the epilogue, the last one's), and the first unit of a backward pass comes back under the backward pass before it
// (behind the first forward pass, the first one's). An event of a unit serves all micro-batches in turn.
class ActivationSwaps {
 public:
  // `units`: bytes swapped, in forward order; units of 0 bytes take no part.
  ActivationSwaps(const std::vector<Bytes>& units, bool overlap, EventSource& events);

  // `first`: the pass is that of the first micro-batch.
  void behind_forward(std::size_t unit, bool first, std::vector<Op>& ops) const;
  // `last`: the pass is that of the last micro-batch.
  void before_backward(std::size_t unit, bool last, std::vector<Op>& ops) const;
  // Behind the step's last pass.
  void finish(std::vector<Op>& ops) const;

 private:
  struct Swap {
    std::size_t unit = 0;
    Op evict, fetch;
  };
  const Swap* find(std::size_t unit) const;
  static Op wait_for(const Op& op) { return wait_op(op.name, op.comm_class, op.event); }

  std::vector<Swap> swaps_;
  bool overlap_;
};

}  // namespace supernode
