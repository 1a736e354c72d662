// supernode calibrate: measured times to fitted models.
#include <fmt/format.h>

#include "base/hash.hpp"
#include "calibration/collective_trace.hpp"
#include "calibration/kernel_fit.hpp"
#include "calibration/robust_fit.hpp"
#include "calibration/trace_check.hpp"
#include "calibration/trace_csv.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/protocol_choice.hpp"
#include "scenarios/reference_resolver.hpp"
#include "scenarios/trace_study.hpp"
#include "sim/protocol_rows.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/output_folder.hpp"
#include "tools/table.hpp"
#include "tools/table_file.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

constexpr int kFolds = 5;  // of the cross-validation of kernels

int bad_input(const Diagnostics& diagnostics) {
  print_message(diagnostics.render());
  return kBadInput;
}

int no_rows(const CalibrateCommand& command, std::string_view what) {
  print_message(fmt::format("error: {} has no {} rows of '{}'\n", command.trace, what, command.subject));
  return kBadInput;
}

// The rows without those that are bad; nothing when there are bad ones and they are not to be skipped.
template <class Row>
std::optional<std::vector<Row>> sound_rows(std::optional<std::vector<Row>> rows, const Diagnostics& diagnostics,
                                           bool skip_bad) {
  const BadRows bad(diagnostics);
  print_message(diagnostics.render());
  if (!rows || (!bad.empty() && (!skip_bad || bad.has(0) || bad.has(1)))) return std::nullopt;
  if (!bad.empty()) print_message(fmt::format("{} bad rows left out\n", bad.count()));
  std::erase_if(*rows, [&](const Row& row) { return bad.has(row.position.line); });
  return rows;
}

void deliver(const std::string& yaml, const std::string& out) {
  if (out.empty())
    print_result(yaml);
  else
    write_output_file(out, yaml);
}

// Of the rows that were fitted, and of the same rows by fits that have not seen them.
struct ErrorLine {
  std::string name;
  std::int64_t rows = 0;
  double median = 0, p90 = 0;
  std::int64_t unseen_rows = 0;
  double unseen_median = 0, unseen_p90 = 0;
};

void print_errors(const std::vector<ErrorLine>& lines) {
  Table table({"fitted", "rows", "median error", "90th percentile", "unseen: rows", "median error", "90th percentile"});
  for (const ErrorLine& line : lines) {
    const bool any = line.unseen_rows > 0;
    table.add({line.name, std::to_string(line.rows), percent_text(line.median), percent_text(line.p90),
               any ? std::to_string(line.unseen_rows) : "-", any ? percent_text(line.unseen_median) : "-",
               any ? percent_text(line.unseen_p90) : "-"});
  }
  print_message(table.render(0));
}

std::vector<ErrorLine> kernel_lines(const KernelFitResult& result, const std::vector<KernelClassError>& unseen) {
  std::vector<ErrorLine> lines;
  for (const KernelClassError& e : result.errors) {
    ErrorLine line{e.name, e.rows, e.median_abs_error, e.p90_abs_error};
    for (const KernelClassError& u : unseen)
      if (u.name == e.name)
        line.unseen_rows = u.rows, line.unseen_median = u.median_abs_error, line.unseen_p90 = u.p90_abs_error;
    lines.push_back(line);
  }
  return lines;
}

std::vector<ErrorLine> collective_lines(const CalibratedProtocol& result) {
  std::vector<ErrorLine> lines;
  for (const CalibratedFit& fit : result.fits) {
    std::vector<double> log_errors;
    for (const UnseenCall& call : fit.unseen) log_errors.push_back(call.log_error);
    const std::vector<double> errors = relative_errors(log_errors);
    lines.push_back({fit.key + (fit.rate_only ? " (rate only)" : ""), fit.rows, fit.median_error, fit.p90_error,
                     static_cast<std::int64_t>(errors.size()), quantile(errors, 0.5), quantile(errors, 0.9)});
  }
  return lines;
}

// What a library chooses among and how it copies tokens is no measurement: the catalogue's protocol for the system
// says it.
CalibrationOptions library_options(const CalibrateCommand& command, Diagnostics& diagnostics) {
  YamlNode reference;
  reference.kind = YamlNode::Kind::kScalar;
  reference.scalar = command.subject;
  const auto tree = ReferenceResolver(diagnostics).resolve(CatalogueKind::kSystem, reference);
  const auto protocol = tree ? load_protocol(choose_protocol(*tree).name, diagnostics) : std::nullopt;
  CalibrationOptions options{.exclude = command.exclude, .also_systems = command.also_systems};
  if (protocol) options.algorithms = protocol->algorithms, options.copy_per_expert = protocol->copy_per_expert;
  return options;
}

}  // namespace

int calibrate_kernels_command(const CalibrateCommand& command) {
  Diagnostics diagnostics, found;
  const auto chip = load_chip(command.subject, diagnostics);
  const auto file = read_table_file(command.trace, diagnostics);
  if (!chip || !file) return bad_input(diagnostics);
  check_kernel_table(*file, found);
  Diagnostics reading;
  auto read = read_kernel_trace(*file, command.subject, reading);
  add_errors_of_other_lines(reading, found);
  const auto rows = sound_rows(std::move(read), found, command.skip_bad);
  if (!rows) return kBadInput;
  if (rows->empty()) return no_rows(command, "kernel");
  KernelFitResult result = fit_kernels(*chip, *rows);
  result.fit.traces = fmt::format("{} (SHA-256 {})", command.trace, sha256_hex(file->text));
  deliver(emit_fit(result.fit), command.out);
  print_errors(kernel_lines(result, cross_validate(*chip, *rows, kFolds)));
  return kDone;
}

int calibrate_collectives_command(const CalibrateCommand& command) {
  Diagnostics diagnostics, found;
  const auto system = load_system(command.subject, diagnostics);
  const auto file = read_table_file(command.trace, diagnostics);
  if (!system || !file) return bad_input(diagnostics);
  check_collective_table(*file, found);
  Diagnostics reading;
  auto read = read_collective_trace(*file, reading);
  add_errors_of_other_lines(reading, found);
  const auto rows = sound_rows(std::move(read), found, command.skip_bad);
  if (!rows) return kBadInput;
  if (rows->empty()) return no_rows(command, "collective");
  const CalibratedProtocol result = calibrate_protocol(*system, *rows, library_options(command, diagnostics));
  deliver(result.text, command.out);
  print_errors(collective_lines(result));
  return kDone;
}

}  // namespace supernode
