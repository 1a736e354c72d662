// All-reduce in one phase inside a node: every rank reads the whole buffers of all others and adds them itself, n-1
// times the bytes of the least but one wait for the others only. Kernels of inference servers for small data (vLLM's
// custom all-reduce, csrc/custom_all_reduce.cuh, cross_device_reduce_1stage; TensorRT-LLM's one-shot strategy); their
// two-phase kernels are `direct`.

#include <algorithm>

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

class OneShot : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "one_shot"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return call.op == CollectiveOp::kAllReduce && group.size() >= 2 &&
           std::ranges::all_of(group.node, [&](std::int32_t node) { return node == group.node.front(); });
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    Round round;
    for (std::int32_t i = 0; i < n; ++i)
      for (std::int32_t shift = 1; shift < n; ++shift) round.transfers.push_back({i, (i + shift) % n, call.bytes});
    return {round};
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_one_shot() { return std::make_unique<OneShot>(); }

}  // namespace supernode
