// supernode predict: measured kernels or collectives, each with what the catalogue's fits say of it.
#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/table_file.hpp"
#include "tools/terminal.hpp"
#include "tools/trace_report.hpp"

namespace supernode {

namespace {

using Study = std::optional<TraceStudy> (*)(const SourceFile&, bool, Diagnostics&);

int predict(const PredictCommand& command, Study study_table) {
  Diagnostics diagnostics;
  const auto file = read_table_file(command.table, diagnostics);
  const auto study = file ? study_table(*file, command.skip_bad, diagnostics) : std::nullopt;
  print_message(diagnostics.render());
  if (!study) return kBadInput;
  if (command.json) {
    print_result(study_json(*study, *file, command.rows));
  } else if (command.csv) {
    print_result(study_csv(*study));
    print_message(summary_line(summarise(study->scores())) + '\n');
  } else {
    print_result(study_text(*study, stdout_style()));
  }
  return kDone;
}

}  // namespace

int predict_kernels_command(const PredictCommand& command) { return predict(command, study_kernels); }
int predict_collectives_command(const PredictCommand& command) { return predict(command, study_collectives); }

}  // namespace supernode
