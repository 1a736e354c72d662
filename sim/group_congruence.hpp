#pragma once
// When two groups of devices cost the same: the catalogue's fabrics look alike from every node, leaf and supernode of
// one size, so what a collective costs depends only on which members share what.

#include <cstdint>
#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

// For each member in order: its rail, where it stands on a grid of devices, and its chip, node, supernode, leaf and
// pod, each numbered by first appearance and followed, where it first appears, by how many devices of the fabric it
// holds. Groups with equal signatures are congruent: an automorphism of the fabric maps one to the other. Holds as long
// as equal switches have equal links; in a degraded fabric each member's fault colour is part of the signature, so that
// congruent groups meet equal faults.
class GroupSignatures {
 public:
  explicit GroupSignatures(const Fabric& fabric);
  std::vector<std::int32_t> of(const std::vector<DeviceId>& members) const;

 private:
  const Fabric& fabric_;
  std::vector<std::vector<std::int32_t>> sizes_;  // by level, by place: devices
};

}  // namespace supernode
