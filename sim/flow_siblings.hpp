#pragma once
// Hashed flows of a group among those of its sibling groups, which run the same collective on the devices beside it.

#include <cstdint>
#include <vector>

#include "sim/flow_plan.hpp"
#include "topology/fabric.hpp"

namespace supernode {

// A hashed link of which the group's bundle share is less than one.
struct SharedLink {
  std::int32_t link = 0;  // in FlowPlan::links, with the capacity of the whole link
  double share = 1;       // the group's part of the bundle
};

// Leaves the group what its flows get of each link beside its siblings' flows. With A flows of the group at once over a
// bundle of n links, of which it has the share s, the siblings have A (1/s - 1), each on a link by its own hash: B of
// them on one link, drawn from the binomial distribution of that many tries of chance 1/n. Flows being equal, a of the
// group's on that link get a / (a + B) of it. With many flows a message this comes to s for every link: spraying.
void leave_siblings_their_part(FlowPlan& plan, const std::vector<SharedLink>& shared, const Fabric& fabric);

}  // namespace supernode
