// Two levels. Reductions: reduce-scatter inside each unit (node or supernode), the same collective between the ranks of
// equal place in all units on 1/g of the data, all-gather inside. Exchanges: to the rank of one's own place in each
// other unit, then fan-out inside the unit; EP dispatch and combine cross to each distinct unit once (DeepEP's normal
// mode).
//
// Libraries cut the buffer in chunks so that both levels work at once. All rounds are therefore alike: each carries its
// share of the traffic of both levels, and there are as many as one chunk needs from start to end.
//
// With a mesh inside, a reduction's inner level sends to all ranks of the unit at once instead of round a ring: the
// same bytes out of a rank, over all the links of a full mesh instead of one (HCCL's mesh in a server, ring between
// servers).

#include <algorithm>

#include "base/expert_load.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/equal_units.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

enum class Inside { kRing, kMesh };

class Hierarchical : public CollectiveAlgorithm {
 public:
  Hierarchical(std::string name, std::vector<std::int32_t> GroupShape::*level, Inside inside = Inside::kRing)
      : name_(std::move(name)), level_(level), inside_(inside) {}
  std::string name() const override { return name_; }
  bool chunked() const override { return true; }

  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    if (group.size() < 4 || call.op == CollectiveOp::kSendRecv) return false;
    if (inside_ == Inside::kMesh && is_exchange(call.op)) return false;  // the other one's is a mesh already
    // Inside one supernode libraries exchange directly: a detour over a neighbour would only add traffic to the ports.
    const bool one_supernode = std::ranges::count(group.supernode, group.supernode.front()) == group.size();
    if (is_exchange(call.op) && one_supernode) return false;
    const auto units = equal_units(group.*level_);
    return units.size() >= 2 && units.front().size() >= 2;
  }

  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto units = equal_units(group.*level_);
    return {is_exchange(call.op) ? exchange(call, units) : reduction(call, units)};
  }

  // An exchange posts one message to each peer of both levels. So does a reduction in each phase, whether round a ring
  // or to all at once.
  std::int64_t steps(const CollectiveCall& call, const GroupShape& group) const override {
    const auto units = equal_units(group.*level_);
    const auto peers = static_cast<std::int64_t>(units.size() - 1 + units.front().size() - 1);
    return is_exchange(call.op) ? peers : reduction_phases(call.op) * peers;
  }

 private:
  using Units = std::vector<std::vector<std::int32_t>>;

  // A ring between units; inside them a ring, or one round to all neighbours.
  Round reduction(const CollectiveCall& call, const Units& units) const {
    const std::size_t m = units.size(), g = units.front().size();
    const std::size_t neighbours = inside_ == Inside::kMesh ? g - 1 : 1, inner_rounds = (g - 1) / neighbours;
    const auto phases = reduction_phases(call.op);
    Round round{{}, phases * static_cast<std::int64_t>(inner_rounds + m - 1)};
    const double gd = static_cast<double>(g), md = static_cast<double>(m);
    const Bytes each = call.bytes * static_cast<double>(phases) / static_cast<double>(round.repeat);
    const Bytes to_neighbour = each * (static_cast<double>(inner_rounds) / gd);
    for (std::size_t u = 0; u < m; ++u)
      for (std::size_t i = 0; i < g; ++i) {
        for (std::size_t d = 1; d <= neighbours; ++d)
          round.transfers.push_back({units[u][i], units[u][(i + d) % g], to_neighbour});
        round.transfers.push_back({units[u][i], units[(u + 1) % m][i], each * ((md - 1) / md / gd)});
      }
    return round;
  }

  // Bytes to one peer in another unit (for all its ranks together), and to one peer inside the unit. The unit and the
  // rank that hold the experts decide: of the receiver in a dispatch, of the sender in a combine.
  struct LevelBytes {
    std::vector<Bytes> across;  // by unit
    std::vector<Bytes> inside;  // by position
  };
  static LevelBytes level_bytes(const CollectiveCall& call, const Units& units) {
    const auto m = static_cast<std::int64_t>(units.size()), g = static_cast<std::int64_t>(units.front().size());
    const auto n = static_cast<std::size_t>(m * g);
    // A rank receives from each of the m units the tokens meant for it from the g-1 ranks not of its own place.
    const auto all_units = [&](double rank) { return call.bytes * (rank * static_cast<double>(m)); };
    LevelBytes bytes{std::vector<Bytes>(units.size()), std::vector<Bytes>(n)};
    if (call.op == CollectiveOp::kAllToAll) {
      std::ranges::fill(bytes.across, call.bytes / static_cast<double>(m));
      std::ranges::fill(bytes.inside, call.bytes / static_cast<double>(g));
    } else if (call.routing.skewed()) {
      std::vector<std::int32_t> unit_of(n);
      for (std::size_t u = 0; u < units.size(); ++u)
        for (const std::int32_t i : units[u]) unit_of[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(u);
      const ExpertSpread spread = spread_experts(call.routing, unit_of);
      std::ranges::transform(spread.unit, bytes.across.begin(), [&](double hit) { return call.bytes * hit; });
      std::ranges::transform(spread.rank, bytes.inside.begin(), all_units);
    } else {
      const TokenSpread spread = token_spread(call.routing, m * g, m);
      std::ranges::fill(bytes.across, call.bytes * spread.node);
      std::ranges::fill(bytes.inside, all_units(spread.rank));
    }
    return bytes;
  }

  static Round exchange(const CollectiveCall& call, const Units& units) {
    const std::size_t m = units.size(), g = units.front().size();
    const LevelBytes bytes = level_bytes(call, units);
    const bool dispatch = call.op == CollectiveOp::kEpDispatch;
    Round round{{}, 2};
    for (std::size_t u = 0; u < m; ++u)
      for (std::size_t i = 0; i < g; ++i) {
        const std::int32_t self = units[u][i];
        for (std::size_t d = 1; d < g; ++d) {
          const std::int32_t to = units[u][(i + d) % g];
          round.transfers.push_back({self, to, bytes.inside[static_cast<std::size_t>(dispatch ? to : self)] / 2});
        }
        for (std::size_t d = 1; d < m; ++d) {
          const std::size_t v = (u + d) % m;
          round.transfers.push_back({self, units[v][i], bytes.across[dispatch ? v : u] / 2});
        }
      }
    return round;
  }

  std::string name_;
  std::vector<std::int32_t> GroupShape::*level_;
  Inside inside_;
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_hierarchical() {
  return std::make_unique<Hierarchical>("hierarchical", &GroupShape::node);
}

std::unique_ptr<CollectiveAlgorithm> make_hierarchical_mesh() {
  return std::make_unique<Hierarchical>("hierarchical_mesh", &GroupShape::node, Inside::kMesh);
}

std::unique_ptr<CollectiveAlgorithm> make_hierarchical_supernode() {
  return std::make_unique<Hierarchical>("hierarchical_supernode", &GroupShape::supernode);
}

}  // namespace supernode
