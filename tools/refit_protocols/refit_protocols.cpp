// supernode_refit_protocols COLLECTIVES.csv FOLDER: fits the protocols of all catalogued systems from measured
// collectives and writes each protocol's YAML in FOLDER anew from `traces:` on; the comment, name and system above it
// and what the library chooses among stay as they are. tools/refit runs it.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>

#include "calibration/protocol_fit.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "tools/refit_protocols/recipes.hpp"

namespace {

using namespace supernode;

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream stream(path, std::ios::binary);
  if (!(stream << text << std::flush)) throw std::runtime_error(path + " cannot be written");
}

// Where the fitted part of a protocol's text begins.
std::size_t fitted_part(const std::string& text, const std::string& path) {
  const auto traces = text.find("\ntraces:");
  if (traces == std::string::npos) throw std::runtime_error(path + " has no traces");
  return traces + 1;
}

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

std::vector<CollectiveTraceRow> read_rows(const std::string& path) {
  Diagnostics diagnostics;
  const auto rows = read_collective_trace({path, read_file(path)}, diagnostics);
  return checked(rows, diagnostics);
}

void refit(const std::string& trace, const std::string& folder) {
  const auto path = [&](const std::string& name) { return folder + "/" + name + ".yaml"; };
  const auto protocols = refit_protocols(
      {read_rows(trace), [&](const std::string& name) { return read_protocol(path(name)); }, read_system});
  for (const auto& [name, protocol] : protocols) {
    const std::string file = path(name), old = read_file(file), fitted = emit_protocol(protocol);
    write_file(file, old.substr(0, fitted_part(old, file)) + fitted.substr(fitted_part(fitted, "the fit of " + name)));
    fmt::print("{}\n", file);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: supernode_refit_protocols COLLECTIVES.csv FOLDER\n");
    return 2;
  }
  try {
    refit(argv[1], argv[2]);
  } catch (const std::exception& e) {
    fmt::print(stderr, "supernode_refit_protocols: {}\n", e.what());
    return 1;
  }
  return 0;
}
