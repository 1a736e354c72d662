#pragma once
// Published training runs, each simulated: what was measured, what the simulator says, how sure it is, and why a row is
// not simulated. Which runs count: docs/fidelity.md.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calibration/csv_table.hpp"
#include "scenarios/error_summary.hpp"
#include "scenarios/import_table.hpp"

namespace supernode {

// What a row's figures are counted under.
enum class RunShare {
  kMain,      // grade A or A-, or of a table that does not grade: the errors that are quoted
  kGradeB,    // a material field is missing: reported apart
  kHeadline,  // grade C, simulated only when asked: reported apart
  kRl,        // steps of reinforcement learning: reported apart
  kSkipped,   // not simulated
};
std::string_view to_string(RunShare share);  // "main", "B", "C", "rl", "skipped"

struct ValidatedRun {
  int line = 0;  // in the file
  std::string id, chip, software, source, model;
  std::string model_class;  // "dense" or "moe"
  std::string kind;         // "pretrain", "sft", "lora", "rl"
  std::string parallelism;  // "data", "TP", "TP PP EP": the dimensions above 1
  std::string spec;         // the grade; "ungraded"
  std::string plan;         // model, size and machine in one text: runs of one such text differ in plan alone
  RunShare share = RunShare::kSkipped;
  std::string skipped;     // why it is not simulated
  std::string figure;      // the published one that was compared: "step time", "tokens/s", …
  double measured_s = 0;   // a step, from that figure
  double simulated_s = 0;  // a step
  double low_s = 0, high_s = 0;
  double tokens = 0;        // of a step
  bool fits_memory = true;  // by our estimate; simulated all the same
  std::string breakdown;    // "compute_gemm 41 %, bubble 12 %": parts above 5 % of the step
  std::vector<std::string> assumed;

  double ratio() const { return simulated_s / measured_s; }
  bool inside() const { return low_s <= measured_s && measured_s <= high_s; }
};

struct Validation {
  CsvTable table;
  std::vector<ValidatedRun> runs;  // those that the filters take, in the table's order
  int bad_rows = 0;                // left out with skip_bad
};

struct ValidationOptions {
  std::vector<std::string> where;  // scenarios/validation_table.hpp; a row must pass each
  bool all = false;                // simulates grade C too, apart
  bool skip_bad = false;
  int workers = 2;  // processes at once; never changes a result
  // Called now and then with the runs done and those there are.
  std::function<void(std::size_t, std::size_t)> progress = nullptr;
};

// Nothing when the table, one of its rows (unless skip_bad) or a filter is bad, or no row passes the filters
// (reported).
std::optional<Validation> validate_runs(const SourceFile& file, const ValidationOptions& options,
                                        Diagnostics& diagnostics);

// One run; without the process of its own in which validate_runs simulates it.
ValidatedRun validate_run(const PublishedRun& run, bool all);

// The rows of one share as scores: groups chip, class, kind, software, spec, parallelism, source. Rows of other shares
// count as skipped.
std::vector<ScoredRow> scores(const Validation& validation, RunShare share);

// Spearman's correlation of simulated and measured time a token over the plans of one model and machine, for each
// group of five runs or more of the main share: name of the group and correlation.
std::vector<std::pair<std::string, double>> plan_correlations(const Validation& validation);

}  // namespace supernode
