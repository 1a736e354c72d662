// supernode validate: published training runs, each simulated beside what was measured.
#include <fmt/format.h>

#include "scenarios/validation.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/table_file.hpp"
#include "tools/terminal.hpp"
#include "tools/trace_report.hpp"
#include "tools/validation_report.hpp"

namespace supernode {

namespace {

void report_progress(std::size_t done, std::size_t runs) {
  print_progress(fmt::format("{} of {} runs …\n", done, runs));
}

}  // namespace

int validate_command(const ValidateCommand& command) {
  Diagnostics diagnostics;
  const auto file = read_table_file(command.table, diagnostics);
  const ValidationOptions options{.where = command.where,
                                  .all = command.all,
                                  .skip_bad = command.skip_bad,
                                  .workers = command.workers,
                                  .progress = report_progress};
  const auto validation = file ? validate_runs(*file, options, diagnostics) : std::nullopt;
  print_message(diagnostics.render());
  if (!validation) return kBadInput;
  if (command.json) {
    print_result(validation_json(*validation, *file, command.rows));
  } else if (command.csv) {
    print_result(validation_csv(*validation));
    print_message(summary_line(summarise(scores(*validation, RunShare::kMain))) + '\n');
  } else {
    print_result(validation_text(*validation, command.assumptions, stdout_style()));
  }
  return kDone;
}

}  // namespace supernode
