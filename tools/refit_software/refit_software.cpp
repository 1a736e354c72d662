// supernode_refit_software CATALOG RUNS.csv... [--write] [--left-out FILE.csv]
// Fits the terms of all training software and the clocks of all chips in CATALOG (calibration/catalog) to published
// runs (docs/models/software.md) and prints the errors on runs left out by group, a group being the runs of one source
// and model. --write: writes CATALOG/software/*.yaml anew and the `sustained` line of CATALOG/chips/*.yaml. --left-out:
// writes each run as a fit without its group tells it; tools/refit_software/report.hpp lists the columns. tools/refit
// runs it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>

#include "scenarios/software_trials.hpp"
#include "tools/refit_shared/refit_program.hpp"
#include "tools/refit_software/catalogue_files.hpp"
#include "tools/refit_software/chip_families.hpp"
#include "tools/refit_software/report.hpp"

namespace {

using namespace supernode;

struct Arguments {
  std::string catalog;
  std::vector<std::string> runs;
  bool write = false;
  std::string left_out;  // a file; "" for none
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments out;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    if (text == "--write")
      out.write = true;
    else if (text == "--left-out" && i + 1 < argc)
      out.left_out = argv[++i];
    else if (text.starts_with("--"))
      return {};
    else
      files.push_back(text);
  }
  if (files.size() < 2) return {};
  out.catalog = files[0];
  out.runs.assign(files.begin() + 1, files.end());
  return out;
}

SoftwareRows read_rows(const std::vector<std::string>& paths) {
  SoftwareRows out;
  for (const std::string& path : paths) {
    Diagnostics diagnostics;
    const auto runs = load_published_runs(path, diagnostics);
    if (!runs || diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
    SoftwareRows rows = software_rows(*runs);
    std::move(rows.rows.begin(), rows.rows.end(), std::back_inserter(out.rows));
    std::move(rows.skipped.begin(), rows.skipped.end(), std::back_inserter(out.skipped));
  }
  return out;
}

int index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::runtime_error(name + " is not in the catalogue given");
  return static_cast<int>(found - names.begin());
}

SoftwareFitInput input_of(const std::string& catalog, const std::vector<SoftwareRow>& rows) {
  SoftwareFitInput input;
  input.software = software_names(catalog);
  input.chips = chip_names(catalog);
  for (const std::string& chip : input.chips) input.families.push_back(chip_family(chip));
  std::map<std::string, int> groups;
  for (const SoftwareRow& row : rows) {
    const int group = groups.try_emplace(row.group(), static_cast<int>(groups.size())).first->second;
    input.rows.push_back(
        {index_of(input.software, row.input.software.name), index_of(input.chips, row.input.chip.name), group});
  }
  return input;
}

void print_skipped(const std::vector<SkippedRow>& skipped) {
  std::map<std::string, int> reasons;
  for (const SkippedRow& row : skipped) ++reasons[row.reason];
  for (const auto& [reason, count] : reasons) fmt::print("skipped {:>4}: {}\n", count, reason);
}

void print_terms(const std::string& name, const SoftwareSpec& spec) {
  fmt::print("{:<20}", name);
  for (int t = 0; t < kSoftwareTerms; ++t) {
    const auto term = SoftwareTerm(t);
    const bool micro = term <= SoftwareTerm::kHostPass, milli = term == SoftwareTerm::kHostStep;
    const double scale = micro ? 1e6 : milli ? 1e3 : 1;
    fmt::print(" {}={:.3g}{}", to_string(term), spec[term] * scale, micro ? " us" : milli ? " ms" : "");
  }
  fmt::print(" unexplained={:.3f}\n", spec.unexplained);
}

void print_fit(const SoftwareFitInput& input, const SoftwareFit& fit) {
  print_terms("mean", fit.mean);
  for (const SoftwareSpec& software : fit.software) print_terms(software.name, software);
  for (std::size_t c = 0; c < input.chips.size(); ++c)
    fmt::print("{:<20} sustained={:.3f} +- {:.3f}, {} runs\n", input.chips[c], fit.sustained[c].value,
               fit.sustained[c].deviation, fit.sustained[c].rows);
}

void refit(const Arguments& arguments) {
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  SoftwareRows rows = read_rows(arguments.runs);
  const std::vector<PricedStep> priced = price_rows(rows, threads);
  print_skipped(rows.skipped);
  SoftwareFitInput input = input_of(arguments.catalog, rows.rows);
  input.residuals = [&](const std::vector<SoftwareTrial>& trials) {
    return trial_residuals(rows.rows, priced, trials, threads);
  };
  input.cost_variance = cost_variances(priced, SoftwareSpec(), threads);
  fmt::print(stderr, "{} runs priced\n", rows.rows.size());
  const SoftwareFit fit = fit_software(input);
  fmt::print(stderr, "fitted in {} iterations\n", fit.iterations);
  const std::vector<LeftOut> predictions = left_out(rows.rows, fit);
  print_fit(input, fit);
  fmt::print("{}", report(predictions));
  if (!arguments.left_out.empty()) write_file(arguments.left_out, left_out_csv(predictions));
  if (arguments.write) write_fit(arguments.catalog, input, fit, predictions);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "usage: {} CATALOG RUNS.csv... [--write] [--left-out FILE.csv]\n", argv[0]);
    return 2;
  }
  try {
    refit(*arguments);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", argv[0], e.what());
    return 1;
  }
  return 0;
}
