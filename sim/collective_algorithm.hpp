#pragma once
// A collective algorithm turns an operation over n ranks into rounds of transfers. A new algorithm is one file, one
// line in register_builtin_collectives and one in calibration/library_algorithms.cpp.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "topology/fabric.hpp"
#include "topology/grid.hpp"

namespace supernode {

struct Transfer {
  std::int32_t from = 0, to = 0;  // positions in the group
  Bytes bytes{};
};

// Transfers that run at once. A rank starts round i+1 when its own transfers of round i are done (and what it received
// has arrived). `repeat` rounds of the same shape follow one another.
struct Round {
  std::vector<Transfer> transfers;
  std::int64_t repeat = 1;
};

// The group as an algorithm sees it: who shares a node and a supernode with whom, and where on a grid they are.
struct GroupShape {
  std::vector<std::int32_t> node;       // per position
  std::vector<std::int32_t> supernode;  // per position
  Grid grid{};                          // of the fabric; empty when devices do not forward
  std::vector<std::int32_t> cell{};     // per position, over all blocks of the grid one after another; empty without
  std::int64_t size() const { return static_cast<std::int64_t>(node.size()); }
};
GroupShape group_shape(const Fabric& fabric, const std::vector<DeviceId>& members);

class CollectiveAlgorithm {
 public:
  virtual ~CollectiveAlgorithm() = default;
  virtual std::string name() const = 0;  // "ring", "direct", "hierarchical", … (collectives/builtin.hpp)
  // Can it run this operation over this group? (e.g. hierarchical needs several nodes with equal members)
  virtual bool supports(const CollectiveCall& call, const GroupShape& group) const = 0;
  virtual std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const = 0;
  // Rounds in which every rank sends its share of all levels at once, as a pipeline of chunks does in its steady state:
  // what leaves a rank in a round need not have come in the rounds before.
  virtual bool chunked() const { return false; }
  // Switches reduce or multicast, so that less than bus_factor leaves a rank.
  virtual bool in_network() const { return false; }
  // Messages that a rank posts one after another, each of which costs the software alpha: by default one a round.
  virtual std::int64_t steps(const CollectiveCall& call, const GroupShape& group) const;
};

class CollectiveRegistry {
 public:
  void add(std::unique_ptr<CollectiveAlgorithm> algorithm);
  const CollectiveAlgorithm* find(const std::string& name) const;
  const std::vector<std::unique_ptr<CollectiveAlgorithm>>& all() const { return algorithms_; }

 private:
  std::vector<std::unique_ptr<CollectiveAlgorithm>> algorithms_;
};

void register_builtin_collectives(CollectiveRegistry& registry);

}  // namespace supernode
