#include <stdexcept>

#include "topology/fault_spec.hpp"

namespace supernode {

void apply_faults(Fabric&, const FaultSpec& faults) {
  if (faults.any()) throw std::invalid_argument("faults are being built");
}

}  // namespace supernode
