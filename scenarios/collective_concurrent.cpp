#include "scenarios/collective_concurrent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/flow_jobs.hpp"
#include "sim/placement.hpp"

namespace supernode {

namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const SettingDoc& doc : collective_settings()) names.emplace_back(doc.key);
  return names;
}

// One collective's jobs, one a group.
std::vector<FlowJob> jobs_of(const CollectiveBench& bench, const StudySystem& study, std::int64_t chips,
                             const CollectiveRegistry& registry, ConcurrentPart& part) {
  std::vector<FlowJob> jobs;
  const SystemSpec& system = study.system.spec;
  const Placement placement(system, chips);
  for (auto& ranks : sibling_groups(part.request.group, system, chips * system.devices_per_chip)) {
    auto members = placement.devices(std::move(ranks));
    const GroupShape shape = group_shape(bench.fabric(), members);
    const CollectiveAlgorithm& algorithm = *registry.find(part.algorithm);
    if (!algorithm.supports(part.request.call, shape)) continue;  // a group that lies unevenly over nodes
    jobs.push_back({std::move(members), algorithm.rounds(part.request.call, shape), {}});
  }
  part.groups = static_cast<std::int64_t>(jobs.size());
  return jobs;
}

Seconds last(const std::vector<Seconds>& finish, std::size_t from, std::size_t count) {
  const auto begin = finish.begin() + static_cast<std::ptrdiff_t>(from);
  return *std::max_element(begin, begin + static_cast<std::ptrdiff_t>(count));
}

std::vector<BusyLink> loads(const Fabric& fabric, const FlowResult& all) {
  std::vector<BusyLink> links;
  for (const auto& [id, bytes] : all.bytes) {
    if (!id.valid() || bytes.value() <= 0) continue;
    BusyLink link;
    link.name = fabric.bundle_name(id);
    link.bytes = bytes;
    link.bandwidth = fabric.bundle(id).bandwidth;
    link.utilisation = bytes / (link.bandwidth * all.time);
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace

CollectiveRequest parse_concurrent(const std::string& text, Diagnostics& diagnostics) {
  const std::vector<std::string> parts = split(text, ':');
  const auto file = std::make_shared<const SourceFile>(SourceFile{"--with " + text, ""});
  const auto op = read_collective_op(parts[0], diagnostics);
  CollectiveRequest request(op.value_or(CollectiveOp::kAllReduce));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    const std::string key = equals == std::string::npos ? "bytes" : parts[i].substr(0, equals);
    if (!is_collective_setting(key) || key == "chips")
      diagnostics.error({file, 0, 0}, fmt::format("unknown setting '{}'{}", key, suggestion(key, setting_names())));
    else
      read_setting(request, {key, equals == std::string::npos ? parts[i] : parts[i].substr(equals + 1)}, diagnostics);
  }
  finish_request(request);
  return request;
}

ConcurrentAnswer study_concurrent(const std::vector<CollectiveRequest>& requests, const StudySystem& study) {
  ConcurrentAnswer answer;
  for (const CollectiveRequest& each : requests) answer.chips = std::max(answer.chips, chips_for(each, study.system));
  CollectiveBench bench(study, answer.chips);
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  std::vector<FlowJob> jobs;
  for (const CollectiveRequest& request : requests) {
    const CollectiveAnswer one = bench.ask(request, {.rivals = false, .flow = FlowStudy{}, .links = 0});
    ConcurrentPart part{request, one.algorithm, one.ranks, 0, {}, {}};
    const std::vector<FlowJob> own = jobs_of(bench, study, answer.chips, registry, part);
    part.alone = last(simulate_concurrent(bench.fabric(), own).finish, 0, own.size());
    jobs.insert(jobs.end(), own.begin(), own.end());
    answer.parts.push_back(std::move(part));
  }
  const ConcurrentResult all = simulate_concurrent(bench.fabric(), jobs);
  std::size_t from = 0;
  for (ConcurrentPart& part : answer.parts) {
    part.together = last(all.finish, from, static_cast<std::size_t>(part.groups));
    from += static_cast<std::size_t>(part.groups);
  }
  answer.links = busiest_by_kind(loads(bench.fabric(), all.all), 5);
  return answer;
}

}  // namespace supernode
