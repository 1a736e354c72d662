#pragma once
// The files of the catalogue that the fit writes.

#include <string>
#include <vector>

#include "calibration/software_fit.hpp"
#include "tools/refit_software/report.hpp"

namespace supernode {

// Names of the entries in CATALOG/software, the neutral one aside, and in CATALOG/chips; in alphabetical order.
std::vector<std::string> software_names(const std::string& catalog);
std::vector<std::string> chip_names(const std::string& catalog);

// Writes CATALOG/software/*.yaml anew (names, descriptions and what is not fitted stay) and the `sustained` line of
// CATALOG/chips/*.yaml. Throws std::runtime_error when a file cannot be read or written.
void write_fit(const std::string& catalog, const SoftwareFitInput& input, const SoftwareFit& fit,
               const std::vector<LeftOut>& rows);

}  // namespace supernode
