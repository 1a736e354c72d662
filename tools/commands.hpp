#pragma once
// The commands of the program, one file each (tools/cli_NAME.cpp), as plain calls: options in, exit code out. What
// they cannot do they throw as std::runtime_error; tools/cli turns that into exit code 1.

#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario_loader.hpp"
#include "workloads/schedule_timeline.hpp"

namespace supernode {

struct RunCommand {
  std::vector<std::string> scenarios;  // one to run, two or more to compare: files, library names, or "-"
  std::vector<Override> overrides;     // laid over each of them
  bool json = false;
  std::string out;  // folder to write to; "" for none
  std::optional<int> workers;
  bool ignore_memory = false;
};
int run_command(const RunCommand& command);
int compare_command(const RunCommand& command);

struct CatalogCommand {
  std::string kind;  // "" lists everything
  std::string name;  // "" lists the kind
  bool json = false;
};
int catalog_command(const CatalogCommand& command);

struct CalibrateCommand {
  std::string trace;    // CSV file
  std::string subject;  // a chip of the catalogue for kernels, a system for collectives
  std::string out;      // YAML file to write; "" prints
  // Collectives only; see CalibrationOptions in sim/protocol_rows.hpp.
  std::vector<std::string> exclude, also_systems;
  bool skip_bad = false;  // leave bad rows out instead of stopping
};
int calibrate_kernels_command(const CalibrateCommand& command);
int calibrate_collectives_command(const CalibrateCommand& command);

struct PredictCommand {
  std::string table;  // CSV file; "-" is standard input
  bool json = false, csv = false;
  bool rows = false;      // with json: each row as well
  bool skip_bad = false;  // leave bad rows out instead of stopping
};
int predict_kernels_command(const PredictCommand& command);
int predict_collectives_command(const PredictCommand& command);

struct ValidateCommand {
  std::string table;               // of published runs (scenarios/import_table.hpp); "-" is standard input
  std::vector<std::string> where;  // COLUMN=VALUE, COLUMN~TEXT; a row must pass each
  bool json = false, csv = false;
  bool rows = false;         // with json: each run as well
  bool all = false;          // simulates headlines (grade C) too
  bool assumptions = false;  // in the text: what was assumed for each run
  bool skip_bad = false;
  int workers = 2;  // processes at once; never changes a result
};
int validate_command(const ValidateCommand& command);

struct ImportCommand {
  std::string input;   // a table, a config.json, a script or its flags
  std::string id;      // of a run: the row
  std::string system;  // of flags: a system of the catalogue, "" for the default
  std::string out;     // YAML file to write; "" prints
};
int import_run_command(const ImportCommand& command);
int import_huggingface_command(const ImportCommand& command);
int import_megatron_command(const ImportCommand& command);

struct MemoryCommand {
  std::string input;  // a scenario, or a CSV table of published runs
  std::string id;     // of a table: one row only
  std::vector<Override> overrides;
  bool json = false;
  bool csv = false;
};
int memory_command(const MemoryCommand& command);

struct RolloutCommand {
  std::string input;  // a table of published serving rates (.csv), or a scenario with an `rl` section
  std::vector<Override> overrides;
  bool json = false;
};
int rollout_command(const RolloutCommand& command);

struct ScheduleCommand {
  std::string scenario;  // its plan; "" takes the four below
  std::vector<Override> overrides;
  std::string schedule = "1f1b";
  std::int64_t stages = 4, microbatches = 8, chunks = 0;  // 0 chunks: as many as the schedule has
  PassTimes times;                                        // a pair's above 0: forward and backward passes are paired
  bool all = false;                                       // draw everything, however long
  bool json = false;
};
int schedule_command(const ScheduleCommand& command);

struct FabricCommand {
  std::string system;      // a system of the catalogue, a YAML file of one, or a scenario
  std::int64_t chips = 0;  // 0: as the scenario or file says, else one supernode
  std::vector<Override> overrides;
  bool json = false;
  bool names = false;                                 // with --json: of all switches, NICs and links
  std::string dot, graphml, svg;                      // files to write; "" for none
  std::string load = "all-to-all", bytes = "64 MiB";  // what colours the picture
};
int fabric_command(const FabricCommand& command);

struct CollectiveCommand {
  std::string operation;            // "all-reduce"
  std::string system;               // a system of the catalogue, a YAML file of one, or a scenario
  std::vector<Override> settings;   // scenarios/collective_request.hpp
  std::vector<Override> overrides;  // of the system
  std::vector<std::string> sweeps;  // scenarios/sweep_spec.hpp
  std::vector<std::string> with;    // scenarios/collective_concurrent.hpp
  bool flow = false;                // the bare fabric
  bool simgrid = false;             // by SimGrid
  std::optional<int> workers;
  bool json = false, csv = false;
};
int collective_command(const CollectiveCommand& command);

struct ResilienceCommand {
  std::string scenario;  // or, with a collective, a system
  std::string element = "optics";
  double loss_percent = 5;
  std::int64_t draws = 3, seed = 0, most = 0;  // most 0: all there are
  std::string collective;                      // "" for the scenario's step
  std::vector<Override> settings, overrides;   // as of CollectiveCommand
  std::optional<int> workers;
  bool json = false, csv = false;
};
int resilience_command(const ResilienceCommand& command);

// Prints docs/scenario_reference.md.
int reference_command();

}  // namespace supernode
