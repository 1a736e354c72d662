// Double binary tree for all-reduce: two trees carry half the buffer each, a rank inside one is a leaf of the other,
// data go up (reduce) and down (broadcast). (Sanders, Speck & Träff, 2009; NCCL since 2.4.) In chunks, so that all
// levels work at once: 2·ceil(log2 n) rounds, in each of which every edge carries its share both ways. At most 2
// buffers a port.

#include <bit>

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

// Parent of rank r > 0 in the in-order binary tree rooted at 0: odd ranks are leaves.
std::int32_t parent(std::int32_t r, std::int32_t n) {
  const std::int32_t low = r & -r;
  const std::int32_t up = (r ^ low) | (low << 1);
  return up < n ? up : r ^ low;
}

class Tree : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "tree"; }
  bool chunked() const override { return true; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return call.op == CollectiveOp::kAllReduce && group.size() >= 3;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    const std::int32_t levels = std::bit_width(static_cast<std::uint32_t>(n - 1));
    Round round{{}, 2 * levels};
    const Bytes bytes = call.bytes / (2.0 * static_cast<double>(round.repeat));
    for (std::int32_t r = 1; r < n; ++r) {
      const std::int32_t up = parent(r, n);
      add_edge(round, r, up, bytes);
      add_edge(round, twin(r, n), twin(up, n), bytes);
    }
    return {round};
  }

 private:
  // The rank's place in the second tree: mirrored when n is even, shifted by one when it is odd, so that leaves of the
  // first are inside the second.
  static std::int32_t twin(std::int32_t r, std::int32_t n) { return n % 2 == 0 ? n - 1 - r : (r + 1) % n; }
  static void add_edge(Round& round, std::int32_t a, std::int32_t b, Bytes bytes) {
    round.transfers.push_back({a, b, bytes});
    round.transfers.push_back({b, a, bytes});
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_tree() { return std::make_unique<Tree>(); }

}  // namespace supernode
