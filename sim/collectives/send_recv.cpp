// One message from position 0 to position 1.

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

class SendRecv : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "send_recv"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return call.op == CollectiveOp::kSendRecv && group.size() == 2;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape&) const override {
    return {{{{0, 1, call.bytes}}, 1}};
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_send_recv() { return std::make_unique<SendRecv>(); }

}  // namespace supernode
