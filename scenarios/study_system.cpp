// What a collective is studied on: a system as it is or without its faults, and as many chips as the group needs.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/catalogue_specs.hpp"
#include "scenarios/collective_study.hpp"
#include "scenarios/protocol_choice.hpp"

namespace supernode {

std::optional<StudySystem> load_study_system(const std::string& argument, const std::vector<Override>& overrides,
                                             Diagnostics& diagnostics) {
  std::vector<Override> paths = overrides;
  for (Override& each : paths) each.path = system_path(each.path);
  auto system = load_system_argument(argument, paths, diagnostics);
  if (!system) return std::nullopt;
  StudySystem study{std::move(*system), {}, "the scenario's", ""};
  if (study.system.scenario) {
    study.protocol = study.system.scenario->spec.input.protocol;
    return study;
  }
  const ProtocolChoice choice = choose_protocol(study.system.tree);
  auto protocol = load_protocol(choice.name, diagnostics);
  if (!protocol) return std::nullopt;
  study.protocol = std::move(*protocol);
  study.protocol_name = choice.name;
  study.protocol_assumption = choice.assumption;
  return study;
}

std::int64_t chips_for(const CollectiveRequest& request, const LoadedSystem& system) {
  if (request.chips > 0) return request.chips;
  const SystemSpec& spec = system.spec;
  const std::int64_t devices = devices_needed(request.group, spec);
  const std::int64_t nodes = (devices + spec.devices_per_node() - 1) / spec.devices_per_node();
  return std::max(system.chips, nodes * spec.chips_per_node);
}

CollectiveAnswer study_collective(const CollectiveRequest& request, const StudySystem& study,
                                  const StudyOptions& options) {
  const std::int64_t chips = chips_for(request, study.system);
  CollectiveAnswer answer = CollectiveBench(study, chips).ask(request, options);
  if (!study.system.spec.faults.any()) return answer;
  StudySystem whole = study;
  whole.system.spec.faults = {};
  StudyOptions quick = options;
  quick.rivals = false;
  answer.healthy = CollectiveBench(whole, chips).ask(request, quick).time;
  return answer;
}

}  // namespace supernode
