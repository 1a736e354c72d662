#pragma once
// Changes to a plan that make it fit.

#include "workloads/memory.hpp"

namespace supernode {

// The remedies of MemoryReport: every single change that fits; when no single one does, the shortest series of them.
std::vector<std::string> find_remedies(const ModelSpec& model, const PlanSpec& plan, Bytes capacity);

}  // namespace supernode
