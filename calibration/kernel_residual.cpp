#include "calibration/kernel_residual.hpp"

#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"

namespace supernode {
namespace {

// Half a width in ln size is as far as a causal kernel lies from a full one.
constexpr double kCausal = 0.5;

double ln(std::int64_t size) { return std::log(std::max(1.0, real(size))); }

ShapePoint point_of(const GemmKernel& g) { return {ln(g.m), ln(g.n), ln(g.k), ln(g.groups)}; }
ShapePoint point_of(const AttentionKernel& a) {
  const double width = ln(a.head_dim + a.head_dim_v) + (a.causal ? kCausal : 0);
  if (a.seq_q == 1)
    return {ln(a.batch), ln(a.heads) + ln(a.kv_heads), ln(a.seq_kv), ln(a.heads) - ln(a.kv_heads) + width};
  return {ln(a.batch) + ln(a.heads), ln(a.seq_q), ln(a.seq_kv), width};
}
ShapePoint point_of(const VectorKernel& v) { return {std::log(std::max(1.0, (v.read + v.written).value())), 0, 0, 0}; }

}  // namespace

ShapePoint shape_point(const Kernel& kernel) {
  return std::visit([](const auto& k) { return point_of(k); }, kernel);
}

Correction ResidualModel::at(const ShapePoint& point) const {
  Correction c;
  const double scale = 1 / (2 * length * length);
  for (const Bump& bump : bumps) {
    double square = 0;
    for (std::size_t i = 0; i < point.size(); ++i) square += (point[i] - bump.at[i]) * (point[i] - bump.at[i]);
    const double height = std::exp(-square * scale);
    c.log_factor += bump.weight * height;
    c.closeness = std::max(c.closeness, height);
  }
  constexpr double kMost = 0.3;  // in ln: what goes beyond it is for the class's curve to explain
  c.log_factor = std::clamp(c.log_factor, -kMost, kMost);
  return c;
}

}  // namespace supernode
