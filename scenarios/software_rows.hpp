#pragma once
// Published runs as rows of the fit of training software (calibration/software_fit.hpp): which count, to what group
// each belongs, what is simulated for it.
//
// Those count that are specified well enough (grade A or A-; tables that do not grade count whole), train by passing
// over a data set (not by reinforcement learning) and say how long a step took. None is left out for its residual.

#include <string>
#include <vector>

#include "scenarios/import_table.hpp"
#include "sim/simulate.hpp"

namespace supernode {

struct SoftwareRow {
  RunFormat format = RunFormat::kTrainingRuns;
  std::string id, source, model;
  Seconds measured{};
  SimulationInput input;  // with the software and the chip as catalogued

  std::string group() const { return source + " | " + model; }
};

struct SkippedRow {
  std::string id, reason;
};

struct SoftwareRows {
  std::vector<SoftwareRow> rows;
  std::vector<SkippedRow> skipped;
};

SoftwareRows software_rows(const std::vector<PublishedRun>& runs);

}  // namespace supernode
