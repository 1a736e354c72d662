// supernode_refit_chips KERNELS.csv FOLDER: fits the kernel models of all catalogued chips from a trace and writes the
// `fit:` section of each chip's YAML in FOLDER anew, with its tables in FOLDER/../kernels; the datasheet part stays as
// it is. tools/refit runs it.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>

#include "calibration/kernel_tables.hpp"
#include "calibration/trace_csv.hpp"
#include "tools/refit_chips/recipes.hpp"
#include "tools/refit_shared/refit_program.hpp"

namespace {

using namespace supernode;

// A catalogue file without its fit section, which stands last.
std::string datasheet_part(const std::string& path) { return text_before(read_file(path), "fit", path); }

ChipSpec read_chip(const std::string& path) {
  Diagnostics diagnostics;
  const std::string empty_fit = "fit: {launch: {value: 4 us, source: to be fitted, confidence: assumed}}\n";
  const auto file = std::make_shared<SourceFile>(SourceFile{path, datasheet_part(path) + empty_fit});
  const YamlNode root = parse_yaml(file, diagnostics);
  ChipSpec chip;
  SpecReader reader(root, "", diagnostics);
  bind(chip, reader);
  reader.finish();
  if (diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
  return chip;
}

std::vector<KernelTraceRow> read_rows(const SourceFile& trace, const std::string& chip) {
  Diagnostics diagnostics;
  const auto rows = read_kernel_trace(trace, chip, diagnostics);
  if (!rows || diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
  return *rows;
}

// Tables of kernel fits that were written, by their text: chips with equal ones share a file.
class TableFolder {
 public:
  explicit TableFolder(std::string folder) : folder_(std::move(folder)) {}

  // The name under which the fit's tables stand; "" when it has none.
  std::string store(const std::string& chip, const KernelFit& fit) {
    const std::string text = emit_kernel_tables(fit, 0);
    if (text.empty()) return "";
    const auto [entry, fresh] = names_.try_emplace(text, chip);
    if (fresh) write_file(folder_ + "/" + chip + ".yaml", kHeader + text);
    return entry->second;
  }

 private:
  static constexpr const char* kHeader =
      "# Corrections of a chip's fitted kernel models near their traces, and covariances of the parameters\n"
      "# (docs/models/kernels.md). Written by tools/refit.\n";
  const std::string folder_;
  std::map<std::string, std::string> names_;
};

void refit(const std::string& trace_path, const std::string& folder) {
  const SourceFile trace{trace_path, read_file(trace_path)};
  const auto path = [&](const std::string& name) { return folder + "/" + name + ".yaml"; };
  const auto fits = refit_all({[&](const std::string& chip) { return read_rows(trace, chip); },
                               [&](const std::string& name) { return read_chip(path(name)); }});
  TableFolder tables(std::filesystem::path(folder).parent_path() / "kernels");
  for (auto [name, fit] : fits) {
    fit.tables = tables.store(name, fit);
    write_file(path(name), datasheet_part(path(name)) + emit_fit(fit));
    fmt::print("{}\n", path(name));
  }
}

}  // namespace

int main(int argc, char** argv) { return supernode::run_refit(argc, argv, refit); }
