#pragma once
// The scale-out plane that joins all NICs of a cluster: a folded Clos of equal switches with P ports.
//
// Rails: with rail_optimised, NIC i of each node belongs to rail i and a leaf serves one rail; else a leaf serves all
// NICs of a few nodes. A leaf has at most P/2 NICs and as many uplinks as NICs; oversubscription thins each uplink.
// Two tiers while all leaves fit the ports of one spine (leaves <= P): shared spines join all rails. Beyond, three:
// pods of at most P/2 leaves of one rail under their own spines, and a core that joins the pods (at most P of them).
// Equations and limits: docs/models/fabric.md.

#include <cstdint>
#include <string>
#include <vector>

#include "topology/fabric.hpp"
#include "topology/node_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// How many of each switch a plane needs; all counts follow from (spec, nodes).
struct ClosShape {
  std::int64_t rails = 1;
  std::int64_t nics_per_rail = 0;
  std::int64_t nics_per_leaf = 0;  // of a full leaf; also its uplinks
  std::int64_t leaves_per_rail = 0;
  bool has_core = false;
  std::int64_t leaves_per_pod = 0;     // without a core: of the whole cluster, all rails together
  std::int64_t pods = 0;               // without a core: 1
  std::int64_t spines_per_pod = 0;     // 0 when a single leaf is the whole plane
  std::int64_t uplinks_per_spine = 0;  // with a core
  std::int64_t cores_per_spine = 0;    // with a core: cores that one spine of each pod reaches
};

// Throws std::invalid_argument when three tiers of such switches are too few.
ClosShape clos_shape(const SystemSpec& spec, std::int64_t nodes);

void connect_scale_out(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes);

}  // namespace supernode
