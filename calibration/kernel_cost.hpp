#pragma once
// How long a kernel takes on one device of a chip.

#include <memory>

#include "base/kernel.hpp"
#include "base/quantity.hpp"

namespace supernode {

struct ChipSpec;

struct KernelCost {
  Seconds time{};       // device time, launch included
  Seconds deviation{};  // one standard deviation of the prediction; grows away from the traces
  Seconds compute{};    // ideal: FLOPs over the device's peak
  Seconds memory{};     // ideal: compulsory bytes over HBM bandwidth
};

class KernelCostModel {
 public:
  virtual ~KernelCostModel() = default;
  // Pure and thread-safe. time >= max(compute, memory-from-L2-aware bound) always: no kernel beats its roofline.
  virtual KernelCost cost(const Kernel& kernel) const = 0;
};

// launch + max(compute, memory) with tile and wave quantisation and fitted efficiencies (docs/models/kernels.md).
std::unique_ptr<KernelCostModel> make_kernel_cost_model(const ChipSpec& chip);

}  // namespace supernode
