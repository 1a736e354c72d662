// One message from each rank to the next. Two ranks are a pipeline's neighbours: one message from position 0 to
// position 1 (ports carry both directions at once, so an exchange of the two takes as long). More are a ring, all of
// whose messages are under way together: a hop of ring attention.

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

class SendRecv : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "send_recv"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return call.op == CollectiveOp::kSendRecv && group.size() >= 2;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    Round round{{{0, 1, call.bytes}}, 1};
    const auto size = static_cast<std::int32_t>(group.size());
    for (std::int32_t from = 1; size > 2 && from < size; ++from) {
      round.transfers.push_back({from, (from + 1) % size, call.bytes});
    }
    return {round};
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_send_recv() { return std::make_unique<SendRecv>(); }

}  // namespace supernode
