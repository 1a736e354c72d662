#pragma once
// From a fault spec to a fabric with links taken down, and to nodes that the job leaves.

#include <cstdint>
#include <vector>

#include "topology/fabric.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Takes down what spec.faults says, in a fabric that is built and not yet sealed, and notes it there in words. Throws
// std::invalid_argument, with the nearest name, when there is no such link, switch or NIC, or fewer than are to be
// drawn.
//
// An optical module stands at the end of a cable, and a dead one takes down the cable: inventory.links_per_cable links
// of the scale-up plane that leave one lower-tier switch side by side (CloudMatrix: the links of an L1 chip to L2 chips
// 2i and 2i + 1), one link of the scale-out plane. Links, NICs and switches of the VPC plane are not drawn.
void apply_faults(Fabric& fabric, const SystemSpec& spec);

// Dead chips, listed and drawn, of a cluster of so many; ascending.
std::vector<std::int64_t> dead_chips(const FaultSpec& faults, std::int64_t chips);

// The nodes of dead chips; ascending. `nodes`: of the cluster, spare ones included.
std::vector<std::int64_t> drained_nodes(const SystemSpec& spec, std::int64_t nodes);

// The nodes that a job of `chips` chips runs on: the first healthy ones. Throws std::invalid_argument when too few are
// left, saying how many spare nodes would do.
std::vector<std::int64_t> healthy_nodes(const SystemSpec& spec, std::int64_t chips);

}  // namespace supernode
