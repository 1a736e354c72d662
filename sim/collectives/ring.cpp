// Rings: n-1 rounds in which each rank passes 1/n of the buffer to the next; all-reduce is reduce-scatter, then
// all-gather. Bandwidth-optimal: 2(n-1)/n of the buffer per port. (Patarasuk & Yuan, 2009, section 4.)
//
// Over several supernodes with at least k ranks in each there are k rings of 1/k of the data, as NCCL lays one over
// each NIC. Ring j visits a supernode's ranks one after another and crosses to the next from another place than the
// other rings. Every second supernode is visited backwards, so that a ring leaves over the NIC of the place where it
// enters the next one, and stays on one rail. (NCCL 2.20.3: alternating rings, no traffic across rails.)

#include <algorithm>
#include <unordered_map>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

using Unit = std::vector<std::int32_t>;

// Positions by supernode, in order of first appearance.
std::vector<Unit> units_of(const GroupShape& group) {
  std::vector<Unit> units;
  std::unordered_map<std::int32_t, std::size_t> index;
  for (std::size_t i = 0; i < group.supernode.size(); ++i) {
    const auto [entry, fresh] = index.try_emplace(group.supernode[i], units.size());
    if (fresh) units.emplace_back();
    units[entry->second].push_back(static_cast<std::int32_t>(i));
  }
  return units;
}

// Where ring `ring` enters and leaves a unit of `size` ranks.
struct Visit {
  std::size_t enter, leave;
};
Visit visit(std::size_t ring, std::size_t size, bool backwards) {
  const std::size_t before = (ring + size - 1) % size;
  return backwards ? Visit{before, ring} : Visit{ring, before};
}

class Ring : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "ring"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && reduction_phases(call.op) > 0;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const std::vector<Unit> units = units_of(group);
    std::size_t rings = 1;
    if (units.size() > 1) rings = std::ranges::min_element(units, {}, &Unit::size)->size();
    const Bytes each = call.bytes / real(group.size()) / static_cast<double>(rings);
    Round round{{}, reduction_phases(call.op) * (group.size() - 1)};
    for (std::size_t u = 0; u < units.size(); ++u) {
      const std::size_t next = (u + 1) % units.size();
      add_inside(round, units[u], u % 2 == 1, rings, each);
      for (std::size_t j = 0; j < rings; ++j) {
        const std::size_t leave = visit(j, units[u].size(), u % 2 == 1).leave;
        const std::size_t enter = visit(j, units[next].size(), next % 2 == 1).enter;
        round.transfers.push_back({units[u][leave], units[next][enter], each});
      }
    }
    return {round};
  }

 private:
  // From each rank of a unit to its neighbour, for all the rings that do not leave the unit there.
  static void add_inside(Round& round, const Unit& unit, bool backwards, std::size_t rings, Bytes each) {
    const std::size_t size = unit.size();
    std::vector<std::size_t> staying(size, rings);
    for (std::size_t j = 0; j < rings; ++j) --staying[visit(j, size, backwards).leave];
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t to = (backwards ? i + size - 1 : i + 1) % size;
      if (staying[i] > 0) round.transfers.push_back({unit[i], unit[to], each * static_cast<double>(staying[i])});
    }
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_ring() { return std::make_unique<Ring>(); }

}  // namespace supernode
