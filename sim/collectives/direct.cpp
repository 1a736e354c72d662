// Full mesh: everyone sends to everyone at once. One round for all-to-all, EP dispatch and combine over any group; for
// all-gather and reduce-scatter (one round) and all-reduce (two) inside a node, where libraries use it (HCCL's mesh).

#include <algorithm>

#include "sim/collectives/builtin.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

bool one_node(const GroupShape& group) {
  return std::ranges::all_of(group.node, [&](std::int32_t node) { return node == group.node.front(); });
}

class Direct : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "direct"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    if (group.size() < 2) return false;
    return is_exchange(call.op) || (reduction_phases(call.op) > 0 && one_node(group));
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    Round round{{}, is_exchange(call.op) ? 1 : reduction_phases(call.op)};
    const auto add_all = [&](const auto& bytes) {
      for (std::int32_t i = 0; i < n; ++i)
        for (std::int32_t shift = 1; shift < n; ++shift) {
          const std::int32_t to = (i + shift) % n;
          round.transfers.push_back({i, to, bytes(i, to)});
        }
    };
    if (is_exchange(call.op)) {
      add_all(PeerBytes(call, group));
    } else {
      add_all([&](std::int32_t, std::int32_t) { return call.bytes / n; });
    }
    return {round};
  }
  // One message to each peer and phase.
  std::int64_t steps(const CollectiveCall& call, const GroupShape& group) const override {
    return (is_exchange(call.op) ? 1 : reduction_phases(call.op)) * (group.size() - 1);
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_direct() { return std::make_unique<Direct>(); }

}  // namespace supernode
