// All-reduce in the switches between supernodes (SHARP, CollNet): reduce-scatter inside each supernode, so that a rank
// holds 1/g; each rank's NIC sends that up a tree of switches once and gets the sum down once; all-gather inside. A NIC
// carries S/g each way, against 2(m-1)/m·S/g of a ring. (Graham et al., 2016: Scalable Hierarchical Aggregation
// Protocol; NCCL's CollNet: src/graph/tuning.cc.) In chunks, so that all levels work at once.
//
// Switches are no vertices that end flows. The port traffic of the ranks of one place stands as a ring over the
// supernodes: behind a leaf, one flow in and one out cross to other leaves, as one partial sum goes up a tree and one
// sum comes down, as long as the group lists the supernodes of a leaf together.

#include <algorithm>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/equal_units.hpp"

namespace supernode {
namespace {

class Sharp : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "sharp"; }
  bool chunked() const override { return true; }
  bool in_network() const override { return true; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return call.op == CollectiveOp::kAllReduce && equal_units(group.supernode).size() >= 2;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto units = equal_units(group.supernode);
    const std::size_t m = units.size(), g = units.front().size();
    Round round{{}, steps(call, group)};
    const Bytes each = call.bytes / (real(std::ssize(units.front())) * real(round.repeat));
    for (std::size_t u = 0; u < m; ++u)
      for (std::size_t i = 0; i < g; ++i) {
        if (g > 1)
          round.transfers.push_back({units[u][i], units[u][(i + 1) % g], each * (2 * static_cast<double>(g - 1))});
        round.transfers.push_back({units[u][i], units[(u + 1) % m][i], each});
      }
    return {round};
  }
  // Round the rings inside, and one message up and one down.
  std::int64_t steps(const CollectiveCall&, const GroupShape& group) const override {
    return 2 * std::ssize(equal_units(group.supernode).front());
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_sharp() { return std::make_unique<Sharp>(); }

}  // namespace supernode
