#pragma once
// A collective's answer, and a sweep's rows, for people.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenarios/collective_concurrent.hpp"
#include "scenarios/collective_study.hpp"
#include "tools/terminal.hpp"

namespace supernode {

std::string collective_report(const CollectiveAnswer& answer, const StudySystem& study, const Style& style);
std::string concurrent_report(const ConcurrentAnswer& answer, const Style& style);

// `keys`: the sweep's, each a column of its own.
std::string sweep_report(const std::vector<nlohmann::ordered_json>& rows, const std::vector<std::string>& keys);

}  // namespace supernode
