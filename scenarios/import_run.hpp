#pragma once
// A row of a published-runs table as a scenario that `supernode run` accepts.
//
// What the row says is taken over; what it leaves open is filled in with the defaults of the software it ran on
// (scenarios/import_defaults) and said so: `assumptions` has a line for each. What it says and a scenario cannot
// express is a warning. docs/importing.md lists which phrase of a table sets which field.

#include <string>
#include <vector>

#include "scenarios/import_table.hpp"
#include "scenarios/import_yaml.hpp"
#include "scenarios/scenario_loader.hpp"

namespace supernode {

enum class RunKind { kPretrain, kSft, kLora, kRl };
std::string_view to_string(RunKind kind);  // "pretrain", "sft", "lora", "rl"

struct ImportedRun : ImportedYaml {
  RunKind kind = RunKind::kPretrain;
  std::string problem;  // why it cannot be simulated; "" when it can
};

ImportedRun import_run(const PublishedRun& run);

// Whether the catalogue has a system of the row's chip, and how the chips begin of which it has (lower case).
bool has_system(const PublishedRun& run);
std::vector<std::string> importable_chips();

// The YAML text of an import without problem.
std::string scenario_text(const PublishedRun& run, const ImportedRun& imported);

// The checked scenario; nothing when the import has a problem or the scenario an error (reported, at the row).
std::optional<Scenario> load_published_run(const PublishedRun& run, Diagnostics& diagnostics);

}  // namespace supernode
