#include "calibration/normal_equations.hpp"

namespace supernode {

Eigen::VectorXd damped_step(NormalEquations normal, const HeldAtBound& held, double damping) {
  for (Eigen::Index j = 0; j < normal.gradient.size(); ++j) {
    if (held(j, normal.gradient[j])) {
      normal.hessian.row(j).setZero();
      normal.hessian.col(j).setZero();
      normal.hessian(j, j) = 1;
      normal.gradient[j] = 0;
    } else {
      normal.hessian(j, j) *= 1 + damping;
    }
  }
  return -normal.hessian.ldlt().solve(normal.gradient);
}

}  // namespace supernode
