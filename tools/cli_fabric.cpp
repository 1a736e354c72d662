// supernode fabric: what a system's interconnect is made of, what it can do, weighs, draws and costs; the graph as a
// picture or for other programs.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>

#include "base/units.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/result_json.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/fabric_export.hpp"
#include "tools/fabric_json.hpp"
#include "tools/fabric_load.hpp"
#include "tools/fabric_report.hpp"
#include "tools/fabric_svg.hpp"
#include "tools/output_folder.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

Fabric without_faults(SystemSpec spec, std::int64_t chips) {
  spec.faults = {};
  return build_fabric(spec, chips);
}

// The chip's dies, which the fabric does not know of: an Nvidia package of two is one device.
void add_dies(FabricAnswer& answer) {
  Diagnostics ignored;  // a user's own chip may stand in no catalogue
  const auto chip = load_chip(answer.system.spec.chip, ignored);
  if (!chip || answer.inventory.find("dies")) return;
  const auto dies = static_cast<double>(answer.count.chips * chip->dies);
  auto& lines = answer.inventory.lines;
  const InventoryLine* chips = answer.inventory.find("chips");
  const auto place = lines.begin() + (chips - lines.data()) + 1;
  lines.insert(place, {InventoryGroup::kParts, "dies", "compute dies", dies, fmt::format("{} a chip", chip->dies), {}});
}

FabricAnswer answer_of(LoadedSystem system) {
  FabricAnswer answer;
  answer.fabric = build_fabric(system.spec, system.chips);
  answer.count = count_graph(answer.fabric);
  answer.inventory = take_inventory(system.spec, answer.fabric);
  answer.planes = measure_fabric(answer.fabric);
  if (system.spec.faults.any()) answer.healthy = measure_fabric(without_faults(system.spec, system.chips));
  answer.system = std::move(system);
  add_dies(answer);
  return answer;
}

std::optional<LoadedSystem> load(const FabricCommand& command) {
  Diagnostics diagnostics;
  auto system = load_system_argument(command.system, command.overrides, diagnostics);
  if (system && command.chips > 0) {
    system->chips = command.chips;
    try {
      check_buildable(system->spec, system->chips);
    } catch (const std::invalid_argument& problem) {
      diagnostics.error({}, fmt::format("--chips {}: {}", command.chips, problem.what()));
    }
  }
  print_message(diagnostics.render());
  return diagnostics.has_errors() ? std::nullopt : std::move(system);
}

// What the picture is coloured by; nothing with a message when it cannot be read.
struct LoadChoice {
  std::optional<CollectiveOp> op;  // none: no load
  Bytes bytes{};
};

std::optional<LoadChoice> load_choice(const FabricCommand& command) {
  static const std::vector<std::string> kKnown = {"all-to-all", "all-reduce", "all-gather", "reduce-scatter", "none"};
  LoadChoice choice;
  if (std::find(kKnown.begin(), kKnown.end(), command.load) == kKnown.end()) {
    print_message(fmt::format("error: --load: unknown '{}'{}\n", command.load, suggestion(command.load, kKnown)));
    return std::nullopt;
  }
  std::string name = command.load;
  std::replace(name.begin(), name.end(), '-', '_');
  choice.op = parse_collective_op(name);
  const ParsedQuantity bytes = parse_quantity(command.bytes, {0, 1, 0}, false);
  if (!bytes.ok) {
    print_message(fmt::format("error: --bytes: {}\n", bytes.error));
    return std::nullopt;
  }
  choice.bytes = Bytes(bytes.si);
  return choice;
}

// Why a file cannot be written there, or "".
std::string file_problem(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return fmt::format("'{}' is a folder", path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty() && !std::filesystem::exists(folder, ignored))
    return fmt::format("there is no folder '{}'", folder);
  return output_folder_problem(folder.empty() ? "." : folder);
}

// All three at once, before anything is computed.
bool check_files(const FabricCommand& command) {
  std::set<std::string> paths;
  bool good = true;
  for (const auto& [option, path] :
       {std::pair("--dot", command.dot), std::pair("--graphml", command.graphml), std::pair("--svg", command.svg)}) {
    if (path.empty()) continue;
    std::string problem = file_problem(path);
    if (problem.empty() && !paths.insert(path).second) problem = fmt::format("'{}' is another option's file", path);
    if (problem.empty()) continue;
    print_message(fmt::format("error: {}: {}\n", option, problem));
    good = false;
  }
  return good;
}

void write_files(const FabricCommand& command, const FabricAnswer& answer, const LoadChoice& choice) {
  const std::string title =
      fmt::format("{}: {} of {}, {}", answer.system.spec.name, counted(answer.count.chips, "chip"),
                  answer.system.spec.chip, counted(answer.count.nodes, "node"));
  const auto write = [&](const std::string& path, const std::function<std::string()>& text) {
    if (path.empty()) return;
    write_output_file(path, text());
    print_message(fmt::format("wrote {}\n", path));
  };
  write(command.dot, [&] { return fabric_dot(answer.fabric, title); });
  write(command.graphml, [&] { return fabric_graphml(answer.fabric, title); });
  write(command.svg, [&] {
    const int supernode = pictured_supernode(answer.fabric);
    const FabricLoad load = choice.op ? fabric_load(answer.fabric, *choice.op, choice.bytes, supernode) : FabricLoad{};
    return fabric_svg(
        answer.fabric,
        title + (supernode < 0 ? "" : fmt::format(", supernode {} of {}", supernode, answer.count.supernodes)), load);
  });
}

}  // namespace

int fabric_command(const FabricCommand& command) {
  const auto choice = load_choice(command);
  if (!choice || !check_files(command)) return kBadInput;
  auto system = load(command);
  if (!system) return kBadInput;
  FabricAnswer answer;
  try {
    answer = answer_of(std::move(*system));
  } catch (const std::invalid_argument& problem) {  // a fault that names nothing, a cluster that faults leave too small
    print_message(fmt::format("error: {}\n", problem.what()));
    return kBadInput;
  }
  write_files(command, answer, *choice);
  print_result(command.json ? to_text(fabric_json(answer, command.names)) : fabric_report(answer, stdout_style()));
  return kDone;
}

}  // namespace supernode
