#include "tools/fabric_json.hpp"

#include <fmt/format.h>

#include "scenarios/provenance.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json line_json(const InventoryLine& line) {
  Json json{{"amount", line.amount ? Json(*line.amount) : Json(nullptr)}};
  if (!line.how.empty()) json["how"] = line.how;
  if (!line.sources.empty()) json["sources"] = Json::array();
  for (const InventorySource& source : line.sources) {
    json["sources"].push_back({{"source", source.text}, {"confidence", to_string(source.confidence)}});
  }
  return json;
}

Json plane_json(const PlaneMetrics& plane) {
  const Bisection& cut = plane.bisection;
  const Distances& d = plane.distances;
  Json tiers = Json::array();
  for (const TierLoad& tier : plane.tiers) {
    tiers.push_back({{"tier", tier.tier},
                     {"down_bytes_per_s", tier.down.value()},
                     {"up_bytes_per_s", tier.up.value()},
                     {"oversubscription", tier.oversubscription()}});
  }
  return {{"scope", plane.scope},
          {"devices", plane.devices},
          {"injection_device_min_bytes_per_s", plane.port_min.value()},
          {"injection_device_max_bytes_per_s", plane.port_max.value()},
          {"injection_bytes_per_s", plane.injection.value()},
          {"bisection",
           {{"halves", cut.halves},
            {"bandwidth_bytes_per_s", cut.bandwidth().value()},
            {"structure_bytes_per_s", cut.structure.value()},
            {"max_flow_bytes_per_s", cut.max_flow ? Json(cut.max_flow->value()) : Json(nullptr)},
            {"half_injection_bytes_per_s", cut.full.value()}}},
          {"pairs", d.pairs},
          {"pairs_sampled", d.sampled},
          {"pairs_without_route", d.cut_off},
          {"diameter_hops", d.diameter},
          {"mean_hops", d.mean_hops},
          {"paths_min", d.paths_min},
          {"paths_median", d.paths_median},
          {"latency_min_s", d.latency_min.value()},
          {"latency_max_s", d.latency_max.value()},
          {"tiers", std::move(tiers)}};
}

Json planes_json(const std::vector<PlaneMetrics>& planes) {
  Json json = Json::object();
  for (const PlaneMetrics& plane : planes) json[std::string(to_string(plane.plane))] = plane_json(plane);
  return json;
}

Json links_json(const GraphCount& count) {
  Json json = Json::array();
  for (const auto& [where, links] : count.links) {
    json.push_back({{"plane", to_string(where.first)},
                    {"medium", to_string(where.second)},
                    {"links", links.links},
                    {"dead", links.dead},
                    {"slow", links.slow},
                    {"bandwidth_bytes_per_s", links.bandwidth.value()},
                    {"bandwidth_left_bytes_per_s", links.left.value()}});
  }
  return json;
}

Json names_json(const Fabric& fabric) {
  Json switches = Json::array(), nics = Json::array(), links = Json::array();
  for (std::int64_t i = 0; i < fabric.vertex_count(); ++i) {
    const VertexView vertex = fabric.vertex_view(VertexId(i));
    if (vertex.kind == VertexKind::kSwitch) switches.push_back(vertex.name);
    if (vertex.kind == VertexKind::kNic) nics.push_back(vertex.name);
  }
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    links.push_back(fmt::format("{}--{}", fabric.vertex_view(link.a).name, fabric.vertex_view(link.b).name));
  }
  return {{"switches", std::move(switches)}, {"nics", std::move(nics)}, {"links", std::move(links)}};
}

Json inputs_json(const LoadedSystem& system) {
  Json json = Json::array();
  for (const InputFile& file : system.inputs) json.push_back({{"file", file.name}, {"sha256", file.sha256}});
  return json;
}

}  // namespace

Json fabric_json(const FabricAnswer& answer, bool names) {
  Json inventory = Json::object();
  for (const InventoryLine& line : answer.inventory.lines) inventory[line.key] = line_json(line);
  Json json{{"version", program_version()},          {"inputs", inputs_json(answer.system)},
            {"system", answer.system.spec.name},     {"chip", answer.system.spec.chip},
            {"chips", answer.count.chips},           {"nodes", answer.count.nodes},
            {"supernodes", answer.count.supernodes}, {"inventory", std::move(inventory)},
            {"links", links_json(answer.count)},     {"planes", planes_json(answer.planes)}};
  if (!answer.healthy.empty()) json["planes_without_faults"] = planes_json(answer.healthy);
  if (names) json["names"] = names_json(answer.fabric);
  return json;
}

}  // namespace supernode
