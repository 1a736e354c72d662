// All-reduce in the switch (NVLink SHARP) inside one scale-up domain. Each rank reads its 1/n of the sum, which the
// switch pulls from every rank, and multicasts it back: S·(1 + 1/n) leave a port and as many enter, against 2(n-1)/n·S
// of a ring. The phases overlap in chunks: two rounds of half of each. The switch is no vertex that ends flows, so each
// rank's port traffic stands as a flow to its neighbour; only ports are loaded, which is what binds in a non-blocking
// switch.

#include <algorithm>
#include <bit>

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

class Nvls : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "nvls"; }
  bool chunked() const override { return true; }
  bool in_network() const override { return true; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    const auto& supernode = group.supernode;
    return call.op == CollectiveOp::kAllReduce && group.size() >= 3 &&
           std::ranges::all_of(supernode, [&](std::int32_t s) { return s == supernode.front(); });
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    Round round{{}, 2};
    for (std::int32_t i = 0; i < n; ++i) round.transfers.push_back({i, (i + 1) % n, call.bytes * (1 + 1.0 / n) / 2});
    return {round};
  }
  // Each phase ends when all ranks know that all are through: ceil(log2 n) messages.
  std::int64_t steps(const CollectiveCall&, const GroupShape& group) const override {
    return 2 * std::bit_width(static_cast<std::uint64_t>(group.size() - 1));
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_nvls() { return std::make_unique<Nvls>(); }

}  // namespace supernode
