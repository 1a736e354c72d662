#include "scenarios/collective_json.hpp"

#include <fmt/format.h>

#include "sim/collectives/builtin.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json group_json(const CollectiveAnswer& answer) {
  const RankGroup& group = answer.request.group;
  return {{"ranks", answer.ranks},
          {"stride", group.stride},
          {"per_node", group.per_node > 0 ? Json(group.per_node) : Json(nullptr)},
          {"placement", group.spread ? "spread" : "packed"}};
}

Json routing_json(const CollectiveRequest& request) {
  const TokenRouting& routing = request.call.routing;
  return {{"topk", routing.topk},
          {"experts", routing.experts},
          {"node_limit", routing.node_limit},
          {"routing", routing.even ? "even" : "random"},
          {"zipf", routing.zipf},
          {"redundant_experts", routing.redundant},
          {"expert_placement", to_string(routing.placement)},
          {"histogram", routing.histogram != nullptr},
          {"kernels", routing.low_latency ? "low_latency" : "throughput"}};
}

Json algorithms_json(const CollectiveAnswer& answer) {
  Json list = Json::array();
  for (const AlgorithmTime& each : answer.rivals) {
    list.push_back({{"algorithm", each.algorithm},
                    {"time_s", each.time.value()},
                    {"over_chosen_ratio", each.time / answer.time},
                    {"in_library", each.in_library}});
  }
  return list;
}

Json links_json(const std::vector<BusyLink>& links) {
  Json list = Json::array();
  for (const BusyLink& link : links) {
    list.push_back({{"link", link.name},
                    {"as_busy", link.alike},
                    {"of_its_kind", link.kind},
                    {"bytes", link.bytes.value()},
                    {"bandwidth_bytes_per_s", link.bandwidth.value()},
                    {"utilisation", link.utilisation}});
  }
  return list;
}

Json bound_json(const CollectiveAnswer& answer) {
  return {{"port_s", answer.bound.port.value()},
          {"port_of", answer.bound.part},
          {"latency_s", answer.bound.latency.value()},
          {"time_over_bound_ratio", answer.time / answer.bound.time()}};
}

Json protocol_json(const CollectiveAnswer& answer, const StudySystem& study) {
  return {{"name", study.protocol_name},
          {"fit", answer.fit},
          {"own_fit", answer.missing_fit.empty()},
          {"missing_fit", answer.missing_fit.empty() ? Json(nullptr) : Json(answer.missing_fit)},
          {"confidence", to_string(answer.fit_confidence)},
          {"source", answer.fit_source},
          {"assumption", study.protocol_assumption}};
}

}  // namespace

Json collective_json(const CollectiveAnswer& answer, const StudySystem& study) {
  Json json = {{"operation", to_string(answer.request.call.op)}, {"system", study.system.spec.name}};
  json["chips"] = answer.chips;
  json["group"] = group_json(answer);
  json["bytes"] = answer.request.call.bytes.value();
  if (is_expert_exchange(answer.request.call.op)) {
    json["routing"] = routing_json(answer.request);
    json["expert_imbalance_ratio"] = answer.expert_imbalance;
  }
  json["mode"] = answer.bare ? "flow" : "protocol";
  json["time_s"] = answer.time.value();
  json["software_s"] = answer.software.value();
  json["hops_s"] = answer.hops.value();
  json["wire_s"] = answer.wire.value();
  json["algorithm"] = answer.algorithm;
  json["rounds"] = answer.rounds;
  json["plane"] = to_string(answer.plane);
  json["algorithm_bandwidth_bytes_per_s"] = answer.algorithm_bandwidth.value();
  json["bus_bandwidth_bytes_per_s"] = answer.bus_bandwidth.value();
  json["bus_factor"] = answer.bus_factor;
  json["algorithms"] = algorithms_json(answer);
  json["busiest_links"] = links_json(answer.links);
  json["bound"] = bound_json(answer);
  if (answer.bare)
    json["simulation"] = {
        {"flows", answer.flows}, {"variables", answer.variables}, {"wall_clock_s", answer.wall_clock.value()}};
  else
    json["protocol"] = protocol_json(answer, study);
  if (answer.healthy)
    json["faults"] = {{"broken", answer.faults},
                      {"healthy_time_s", answer.healthy->value()},
                      {"slowdown_ratio", answer.time / *answer.healthy}};
  return json;
}

Json concurrent_json(const ConcurrentAnswer& answer, const StudySystem& study) {
  Json json = {{"system", study.system.spec.name}, {"chips", answer.chips}, {"mode", "flow"}};
  json["collectives"] = Json::array();
  for (const ConcurrentPart& part : answer.parts) {
    json["collectives"].push_back({{"operation", to_string(part.request.call.op)},
                                   {"bytes", part.request.call.bytes.value()},
                                   {"algorithm", part.algorithm},
                                   {"ranks", part.ranks},
                                   {"groups", part.groups},
                                   {"alone_s", part.alone.value()},
                                   {"together_s", part.together.value()},
                                   {"slowdown_ratio", part.slowdown()}});
  }
  json["busiest_links"] = links_json(answer.links);
  return json;
}

const std::vector<std::string>& collective_columns() {
  static const std::vector<std::string> columns = {"operation",
                                                   "system",
                                                   "chips",
                                                   "ranks",
                                                   "stride",
                                                   "bytes",
                                                   "set",
                                                   "algorithm",
                                                   "time_s",
                                                   "software_s",
                                                   "hops_s",
                                                   "wire_s",
                                                   "algorithm_bandwidth_bytes_per_s",
                                                   "bus_bandwidth_bytes_per_s",
                                                   "rounds",
                                                   "plane",
                                                   "bound_s",
                                                   "time_over_bound_ratio",
                                                   "busiest_link",
                                                   "busiest_utilisation",
                                                   "healthy_time_s",
                                                   "slowdown_ratio",
                                                   "fit",
                                                   "fit_confidence",
                                                   "status",
                                                   "error"};
  return columns;
}

Json failed_row(const CollectiveRequest& request, const std::string& system, const std::string& status,
                const std::string& error) {
  Json row;
  for (const std::string& column : collective_columns()) row[column] = nullptr;
  row["operation"] = to_string(request.call.op);
  row["system"] = system;
  if (request.chips > 0) row["chips"] = request.chips;
  if (request.group.ranks > 0) row["ranks"] = request.group.ranks;
  row["stride"] = request.group.stride;
  if (request.call.bytes.value() > 0) row["bytes"] = request.call.bytes.value();
  if (!request.algorithm.empty()) row["algorithm"] = request.algorithm;
  row["status"] = status;
  row["error"] = error;
  return row;
}

Json collective_row(const CollectiveAnswer& answer, const StudySystem& study) {
  Json row = failed_row(answer.request, study.system.spec.name, "ok", "");
  row["chips"] = answer.chips;
  row["ranks"] = answer.ranks;
  row["algorithm"] = answer.algorithm;
  row["time_s"] = answer.time.value();
  row["software_s"] = answer.software.value();
  row["hops_s"] = answer.hops.value();
  row["wire_s"] = answer.wire.value();
  row["algorithm_bandwidth_bytes_per_s"] = answer.algorithm_bandwidth.value();
  row["bus_bandwidth_bytes_per_s"] = answer.bus_bandwidth.value();
  row["rounds"] = answer.rounds;
  row["plane"] = to_string(answer.plane);
  row["bound_s"] = answer.bound.time().value();
  row["time_over_bound_ratio"] = answer.time / answer.bound.time();
  if (!answer.links.empty()) {
    row["busiest_link"] = answer.links.front().name;
    row["busiest_utilisation"] = answer.links.front().utilisation;
  }
  if (answer.healthy) {
    row["healthy_time_s"] = answer.healthy->value();
    row["slowdown_ratio"] = answer.time / *answer.healthy;
  }
  if (!answer.bare) {
    row["fit"] = answer.fit;
    row["fit_confidence"] = to_string(answer.fit_confidence);
  }
  return row;
}

}  // namespace supernode
