#pragma once
// Costs that share a fit, and so its errors and a software's factor: four kinds of kernels, and each collective inside
// a scale-up domain and across scale-out. Host transfers belong to none.

#include <array>
#include <string>

#include "base/collective.hpp"
#include "base/kernel.hpp"
#include "calibration/software_spec.hpp"
#include "topology/fabric.hpp"

namespace supernode {

inline constexpr int kCollectiveOps = static_cast<int>(CollectiveOp::kSendRecv) + 1;
inline constexpr int kKernelFamilies = 4;  // dense matrix products, those of many experts, attention, memory-bound work
inline constexpr int kCostFamilies = kKernelFamilies + 2 * kCollectiveOps;
inline constexpr int kNoFamily = -1;

// A value for each family; a factor on costs, or a relative deviation.
using FamilyValues = std::array<double, kCostFamilies>;

int family_of(const Kernel& kernel);
// Between the dies of a chip counts as scale-up.
int family_of(CollectiveOp op, Plane plane);
std::string family_name(int family);  // "dense gemm", "all_reduce over scale_out", …
SoftwareTerm software_term(int family);

}  // namespace supernode
