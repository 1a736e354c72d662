#include "tools/refit_software/catalogue_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <stdexcept>

#include "calibration/emit_sourced.hpp"
#include "calibration/robust_fit.hpp"
#include "calibration/software_yaml.hpp"
#include "tools/refit_shared/refit_program.hpp"
#include "tools/refit_software/chip_families.hpp"

namespace supernode {
namespace {

const std::string kNeutral = "none";

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

SoftwareSpec read_software(const std::string& path) {
  Diagnostics diagnostics;
  const YamlNode root = load_yaml(path, diagnostics);
  SoftwareSpec spec;
  SpecReader reader(root, "", diagnostics);
  bind(spec, reader);
  reader.finish();
  if (diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
  return spec;
}

std::string runs_text(const std::string& software, const std::vector<LeftOut>& rows) {
  std::set<std::string> groups, chips;
  std::vector<double> errors;
  for (const LeftOut& row : rows) {
    if (row.row->input.software.name != software) continue;
    groups.insert(row.row->group());
    chips.insert(row.row->input.chip.name);
    errors.push_back(std::abs(row.predicted / row.measured - 1));
  }
  if (errors.empty()) return "none of its own: the mean of all software";
  std::string on;
  for (const std::string& chip : chips) on += (on.empty() ? "" : ", ") + chip;
  return fmt::format(
      "{} published runs in {} groups (source and model) on {}; left out by group: median error {:.1f} %, "
      "p90 {:.1f} %",
      errors.size(), groups.size(), on, 100 * quantile(errors, 0.5), 100 * quantile(errors, 0.9));
}

// The text with the line that starts with `key` replaced, or a new one behind the line that starts with `after`.
std::string with_line(const std::string& text, std::string_view key, std::string_view after, const std::string& line,
                      const std::string& path) {
  const auto start_of = [&](std::string_view name) { return text.find(fmt::format("\n{}:", name)); };
  const auto behind = [&](std::size_t start) { return text.find('\n', start + 1) + 1; };
  if (const auto old = start_of(key); old != std::string::npos)
    return text.substr(0, old + 1) + line + text.substr(behind(old));
  const auto anchor = start_of(after);
  if (anchor == std::string::npos) throw std::runtime_error(fmt::format("{} has no '{}'", path, after));
  return text.substr(0, behind(anchor)) + line + text.substr(behind(anchor));
}

std::string clock_source(const SustainedClock& clock, const std::string& chip) {
  if (clock.rows > 0)
    return fmt::format("fit of published steps, {} on this chip; one standard deviation {:.1f} %", clock.rows,
                       100 * clock.deviation);
  return fmt::format("that of its family, {}; one standard deviation {:.1f} %", chip_family(chip),
                     100 * clock.deviation);
}

void write_chip(const std::string& catalog, const std::string& chip, const SustainedClock& clock) {
  const std::string path = fmt::format("{}/chips/{}.yaml", catalog, chip);
  const std::string line =
      "sustained: " + emit_sourced(fmt::format("{:.4g}", clock.value), clock_source(clock, chip), Confidence::kDerived);
  write_file(path, with_line(read_file(path), "sustained", "overlap_slowdown", line, path));
}

void write_software(const std::string& catalog, SoftwareSpec fitted, const std::vector<LeftOut>& rows) {
  const std::string path = fmt::format("{}/software/{}.yaml", catalog, fitted.name);
  const SoftwareSpec kept = read_software(path);
  fitted.description = kept.description;
  fitted.synchronous_pipeline = kept.synchronous_pipeline;
  fitted.runs = runs_text(fitted.name, rows);
  write_file(path, emit_software(fitted));
}

}  // namespace

std::vector<std::string> software_names(const std::string& catalog) {
  std::vector<std::string> names = names_in(catalog + "/software");
  std::erase(names, kNeutral);
  return names;
}

std::vector<std::string> chip_names(const std::string& catalog) { return names_in(catalog + "/chips"); }

void write_fit(const std::string& catalog, const SoftwareFitInput& input, const SoftwareFit& fit,
               const std::vector<LeftOut>& rows) {
  for (const SoftwareSpec& software : fit.software) write_software(catalog, software, rows);
  for (std::size_t c = 0; c < input.chips.size(); ++c) write_chip(catalog, input.chips[c], fit.sustained[c]);
}

}  // namespace supernode
