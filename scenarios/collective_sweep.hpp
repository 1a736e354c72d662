#pragma once
// One question about a collective at many points: settings of the question and keys of the system, all combinations.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenarios/collective_study.hpp"
#include "scenarios/sweep_spec.hpp"

namespace supernode {

struct CollectiveSweep {
  CollectiveOp op = CollectiveOp::kAllReduce;
  std::string system;               // as load_system_argument takes it
  std::vector<Override> settings;   // of the question, common to all points
  std::vector<Override> overrides;  // of the system, common to all points
  std::vector<SweepAxis> axes;      // their keys are settings, or else paths of the system
  StudyOptions options{.rivals = false, .flow = {}, .links = 1};
  int workers = 1;
};

// Rows of collective_columns(), one a point in the order of sweep_points. A point that is impossible (an algorithm that
// cannot run over so many ranks, a cluster that cannot be built) or fails has a row that says why.
std::vector<nlohmann::ordered_json> run_collective_sweep(const CollectiveSweep& sweep);

}  // namespace supernode
