#pragma once
// How sure a simulated step time is: the step again and again with its fitted numbers drawn from their distributions.

#include "sim/priced_step.hpp"

namespace supernode {

struct StepInterval {
  Seconds low{}, high{};  // 5 % and 95 % quantiles of the draws
  Seconds deviation{};    // their standard deviation
};

// Each draw multiplies, by log-normal factors of its own,
//   the costs of each family (sim/cost_family.hpp) by one factor, of their deviation weighted by time: costs of a
//   family
//     share a fit, so they err together, and families err apart from one another;
//   the software's fitted terms, by their covariance;
//   the step, by what no term explains (SoftwareSpec::unexplained).
// Draws come in pairs of opposite signs, 64 in all, fewer when the step is large (`result`, of the priced step under
// the software, says how large); always the same ones. Errors of one family's members or of ranks, which average out,
// are not in it.
StepInterval resample(const PricedStep& priced, const SoftwareSpec& software, const StepResult& result);

// How many draws a step of so many activities gets; even.
int draws_for(std::int64_t activities);

}  // namespace supernode
