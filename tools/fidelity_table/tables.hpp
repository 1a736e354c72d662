#pragma once
// The tables of docs/fidelity.md, as Markdown.

#include <map>
#include <string>
#include <vector>

#include "scenarios/trace_study.hpp"
#include "scenarios/validation.hpp"

namespace supernode {

// Every scenario of the library that has a published measurement.
std::string library_table();

// The runs and collectives that are shipped in calibration/published: each run, then the errors.
std::string published_tables(const std::string& folder);

// A table of published runs by the name of its file, simulated.
struct ValidatedTable {
  std::string name;
  Validation validation;
};

// What is read from a folder of full tables; files that are not there are left out.
struct Reference {
  std::vector<ValidatedTable> runs;
  std::optional<TraceStudy> kernels, collectives;
};
Reference read_reference(const std::string& folder);

// The targets beside what was reached; errors by chip, software and so on; the worst twenty with `mechanisms` (by id).
std::string reference_tables(const Reference& reference, const std::map<std::string, std::string>& mechanisms);
// What the refit of the training software left out by group (tools/refit_software/report.hpp), by software and chip.
std::string left_out_tables(const std::string& file);

// What the present document says of the mechanism of each of its worst runs, by id.
std::map<std::string, std::string> written_mechanisms(const std::string& document);

// Parts shared by the above.
std::string read_or_throw(const std::string& path);
std::string summary_cells(const ErrorSummary& summary);  // " rows | median | p90 | mean | bias | in 90 % |"
inline constexpr const char* kSummaryHeader =
    " rows | median error | p90 | mean | predicted / measured | inside 90 % |";
std::string groups_table(const std::vector<ScoredRow>& rows, const std::vector<std::string>& dimensions);

}  // namespace supernode
