// supernode_refit_protocols COLLECTIVES.csv FOLDER: fits the protocols of all catalogued systems from measured
// collectives and writes each protocol's YAML in FOLDER anew from `traces:` on; the comment, name and system above it
// and what the library chooses among stay as they are. tools/refit runs it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

#include "calibration/protocol_fit.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "tools/refit_protocols/error_table.hpp"
#include "tools/refit_protocols/recipes.hpp"
#include "tools/refit_shared/refit_program.hpp"

namespace {

using namespace supernode;

template <class T>
T checked(const std::optional<T>& read, const Diagnostics& diagnostics) {
  if (!read || diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
  return *read;
}

CollectiveProtocol read_protocol(const std::string& path) {
  Diagnostics diagnostics;
  const YamlNode root = load_yaml(path, diagnostics);
  CollectiveProtocol protocol;
  SpecReader reader(root, "", diagnostics);
  bind(protocol, reader);
  reader.finish();
  return checked<CollectiveProtocol>(protocol, diagnostics);
}

SystemSpec read_system(const std::string& name) {
  Diagnostics diagnostics;
  const auto system = load_system(name, diagnostics);
  return checked(system, diagnostics);
}

template <class Row>
std::vector<Row> read_rows(const std::string& path,
                           std::optional<std::vector<Row>> (&read)(const SourceFile&, Diagnostics&)) {
  Diagnostics diagnostics;
  const auto rows = read({path, read_file(path)}, diagnostics);
  return checked(rows, diagnostics);
}

std::vector<CollectiveProtocol> read_protocols(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<CollectiveProtocol> protocols;
  for (const std::string& path : paths) protocols.push_back(read_protocol(path));
  return protocols;
}

void refit(const std::string& trace, const std::string& folder) {
  const auto path = [&](const std::string& name) { return folder + "/" + name + ".yaml"; };
  const auto result = refit_protocols(
      {read_rows(trace, read_collective_trace), read_rows(trace, read_memory_trace), read_protocols(folder),
       [&](const std::string& name) { return read_protocol(path(name)); }, read_system});
  for (const auto& [name, protocol] : result.protocols) {
    const std::string file = path(name), fitted = emit_protocol(protocol);
    const std::string kept = text_before(read_file(file), "traces", file);
    write_file(file, kept + fitted.substr(text_before(fitted, "traces", "the fit of " + name).size()));
  }
  fmt::print("{}", error_tables(result));
}

}  // namespace

int main(int argc, char** argv) { return supernode::run_refit(argc, argv, refit); }
