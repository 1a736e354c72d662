// supernode calibrate: measured times to fitted models.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/hash.hpp"
#include "calibration/collective_trace.hpp"
#include "calibration/kernel_fit.hpp"
#include "calibration/trace_csv.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/protocol_choice.hpp"
#include "scenarios/reference_resolver.hpp"
#include "sim/protocol_rows.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/output_folder.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

SourceFile read_trace_file(const std::string& path, Diagnostics& diagnostics) {
  std::ifstream stream(path, std::ios::binary);
  SourceFile file{path, std::string(std::istreambuf_iterator<char>(stream), {})};
  if (!stream) diagnostics.error({std::make_shared<const SourceFile>(file), 0, 0}, "cannot be read");
  return file;
}

int bad_input(const Diagnostics& diagnostics) {
  print_message(diagnostics.render());
  return kBadInput;
}

int no_rows(const CalibrateCommand& command, std::string_view what) {
  print_message(fmt::format("error: {} has no {} rows of '{}'\n", command.trace, what, command.subject));
  return kBadInput;
}

void deliver(const std::string& yaml, const std::string& out) {
  if (out.empty())
    print_result(yaml);
  else
    write_output_file(out, yaml);
}

void add_error(Table& table, const std::string& name, std::int64_t rows, double median, double p90) {
  table.add({name, std::to_string(rows), percent_text(median), percent_text(p90)});
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

Table error_table() { return Table({"fitted", "rows", "median error", "90th percentile"}); }

}  // namespace

int calibrate_kernels_command(const CalibrateCommand& command) {
  Diagnostics diagnostics;
  const auto chip = load_chip(command.subject, diagnostics);
  const SourceFile file = read_trace_file(command.trace, diagnostics);
  if (diagnostics.has_errors()) return bad_input(diagnostics);
  const auto rows = read_kernel_trace(file, command.subject, diagnostics);
  if (!rows || diagnostics.has_errors()) return bad_input(diagnostics);
  if (rows->empty()) return no_rows(command, "kernel");
  KernelFitResult result = fit_kernels(*chip, *rows);
  result.fit.traces = fmt::format("{} (SHA-256 {})", command.trace, sha256_hex(file.text));
  deliver(emit_fit(result.fit), command.out);
  Table table = error_table();
  for (const auto& e : result.errors) add_error(table, e.name, e.rows, e.median_abs_error, e.p90_abs_error);
  print_message(table.render(0));
  return kDone;
}

int calibrate_collectives_command(const CalibrateCommand& command) {
  Diagnostics diagnostics;
  const auto system = load_system(command.subject, diagnostics);
  const SourceFile file = read_trace_file(command.trace, diagnostics);
  if (diagnostics.has_errors()) return bad_input(diagnostics);
  const auto rows = read_collective_trace(file, diagnostics);
  if (!rows || diagnostics.has_errors()) return bad_input(diagnostics);
  if (rows->empty()) return no_rows(command, "collective");
  const CalibratedProtocol result = calibrate_protocol(*system, *rows, library_options(command, diagnostics));
  deliver(result.text, command.out);
  Table table = error_table();
  for (const auto& fit : result.fits) {
    add_error(table, fit.key + (fit.rate_only ? " (rate only)" : ""), fit.rows, fit.median_error, fit.p90_error);
  }
  print_message(table.render(0));
  return kDone;
}

}  // namespace supernode
