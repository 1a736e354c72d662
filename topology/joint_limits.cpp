#include "topology/fabric_impl.hpp"

namespace supernode {

std::vector<JointLimit> Fabric::joint_limits(const Route&) const { return {}; }

}  // namespace supernode
