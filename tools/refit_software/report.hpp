#pragma once
// How well steps are told that the fit has not seen, by table, software and chip.

#include <string>
#include <vector>

#include "calibration/software_fit.hpp"
#include "scenarios/software_rows.hpp"

namespace supernode {

// A row told by a fit without its group, with the 90 % interval of the spread that other groups show.
struct LeftOut {
  const SoftwareRow* row = nullptr;
  double measured = 0, predicted = 0, fitted = 0;  // seconds
  double low = 0, high = 0;
};

std::vector<LeftOut> left_out(const std::vector<SoftwareRow>& rows, const SoftwareFit& fit);

// "training runs", "nanotron sweep", "vTrain, one node", "vTrain, many nodes".
std::string table_of(const SoftwareRow& row);

// Tables of errors and rank correlations, as text.
std::string report(const std::vector<LeftOut>& rows);

// id,source,model,software,chip,table,measured_s,predicted_s,low_s,high_s,fitted_s: `predicted_s` and its interval are
// of the fit without the row's group (source and model), `fitted_s` of the fit with all rows.
std::string left_out_csv(const std::vector<LeftOut>& rows);

}  // namespace supernode
