#include "sim/cost_family.hpp"

#include <fmt/format.h>

#include <cassert>

namespace supernode {
namespace {

enum KernelFamily { kDenseGemmFamily, kGroupedGemmFamily, kAttentionFamily, kVectorFamily };

}  // namespace

int family_of(const Kernel& kernel) {
  if (const auto* gemm = std::get_if<GemmKernel>(&kernel))
    return gemm->groups > 1 ? kGroupedGemmFamily : kDenseGemmFamily;
  return std::holds_alternative<AttentionKernel>(kernel) ? kAttentionFamily : kVectorFamily;
}

int family_of(CollectiveOp op, Plane plane) {
  return kKernelFamilies + (plane == Plane::kScaleOut ? kCollectiveOps : 0) + static_cast<int>(op);
}

std::string family_name(int family) {
  assert(family >= 0 && family < kCostFamilies);
  static constexpr std::array kKernels = {"dense gemm", "grouped gemm", "attention", "memory-bound work"};
  if (family < kKernelFamilies) return kKernels[static_cast<std::size_t>(family)];
  const int collective = family - kKernelFamilies;
  return fmt::format("{} over {}", to_string(static_cast<CollectiveOp>(collective % kCollectiveOps)),
                     to_string(collective < kCollectiveOps ? Plane::kScaleUp : Plane::kScaleOut));
}

SoftwareTerm software_term(int family) {
  assert(family >= 0 && family < kCostFamilies);
  if (family <= kGroupedGemmFamily) return SoftwareTerm::kGemm;
  if (family == kAttentionFamily) return SoftwareTerm::kAttention;
  if (family == kVectorFamily) return SoftwareTerm::kVector;
  return family < kKernelFamilies + kCollectiveOps ? SoftwareTerm::kScaleUp : SoftwareTerm::kScaleOut;
}

}  // namespace supernode
