#pragma once
// One step of Levenberg-Marquardt with parameters held at their bounds, for the fits (robust_fit, pooled_fit). Include
// only in sources: it brings Eigen with it.

#include <Eigen/Dense>
#include <functional>

namespace supernode {

// Of a sum of squares at one point: half its second derivatives and half its gradient.
struct NormalEquations {
  Eigen::MatrixXd hessian;
  Eigen::VectorXd gradient;
};

// Whether parameter `index`, whose gradient is given, stands at a bound that a descent would push it through.
using HeldAtBound = std::function<bool(Eigen::Index index, double gradient)>;

// Held parameters do not move; `damping` scales the diagonal of the others by 1 + damping (0: Gauss-Newton).
Eigen::VectorXd damped_step(NormalEquations normal, const HeldAtBound& held, double damping);

}  // namespace supernode
