#pragma once
// Prices published runs once and replays them under any software, on several threads.

#include <vector>

#include "calibration/software_fit.hpp"
#include "scenarios/software_rows.hpp"
#include "sim/priced_step.hpp"

namespace supernode {

// In the order of the rows. A row that cannot be priced moves to those skipped.
std::vector<PricedStep> price_rows(SoftwareRows& rows, int workers);

// ln(simulated / measured) of each trial; the number of threads changes no result. Throws as the replay does.
std::vector<double> trial_residuals(const std::vector<SoftwareRow>& rows, const std::vector<PricedStep>& priced,
                                    const std::vector<SoftwareTrial>& trials, int threads);

// By row: variance of ln(step) under a software, by the deviations of its families of costs, which err apart.
std::vector<double> cost_variances(const std::vector<PricedStep>& priced, const SoftwareSpec& software, int threads);

}  // namespace supernode
