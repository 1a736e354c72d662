#pragma once
// A collective's answer as JSON, and as one flat row of a table; see result_json.hpp for the conventions.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenarios/collective_concurrent.hpp"
#include "scenarios/collective_study.hpp"

namespace supernode {

nlohmann::ordered_json collective_json(const CollectiveAnswer& answer, const StudySystem& study);
nlohmann::ordered_json concurrent_json(const ConcurrentAnswer& answer, const StudySystem& study);

// Columns in one order, whatever the question; their names end in their unit.
const std::vector<std::string>& collective_columns();
// One value a column, null where there is none: `set` holds the row's overrides of the system, `status` is "ok".
nlohmann::ordered_json collective_row(const CollectiveAnswer& answer, const StudySystem& study);
// The row of a question that has no answer: what was asked, `status` and `error`.
nlohmann::ordered_json failed_row(const CollectiveRequest& request, const std::string& system,
                                  const std::string& status, const std::string& error);

}  // namespace supernode
