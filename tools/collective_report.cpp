#include "tools/collective_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/collective_json.hpp"
#include "sim/collectives/builtin.hpp"
#include "tools/format.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

constexpr int kWidth = 80;  // of running text

std::string rate_text(BytesPerSecond rate) { return significant_text(rate.value() / 1e9) + " GB/s"; }

std::string group_text(const CollectiveAnswer& answer) {
  const RankGroup& group = answer.request.group;
  if (group.spread) return ", spread evenly";
  if (group.per_node > 0) return fmt::format(", {} a node", group.per_node);
  return group.stride > 1 ? fmt::format(", every {}th device", group.stride) : "";
}

std::string size_text(const CollectiveAnswer& answer) {
  const CollectiveRequest& request = answer.request;
  const std::string bytes = bytes_text(request.call.bytes);
  if (!is_expert_exchange(request.call.op)) return bytes;
  const TokenRouting& routing = request.call.routing;
  std::string text = request.bytes_given
                         ? bytes + " a rank before copying"
                         : fmt::format("{} tokens of {} {} a rank ({})", request.tokens.tokens, request.tokens.hidden,
                                       to_string(request.tokens.precision), bytes);
  text += fmt::format(", top {} of {} experts", routing.topk,
                      routing.experts > 0 ? std::to_string(routing.experts) : "many");
  if (routing.node_limit > 0) text += fmt::format(" on at most {} nodes", routing.node_limit);
  if (routing.even) text += ", routed evenly";
  return text;
}

std::string heading(const CollectiveAnswer& answer, const StudySystem& study, const Style& style) {
  const SystemSpec& system = study.system.spec;
  std::string out = style.title(fmt::format("{} of {} on {}", words(std::string(to_string(answer.request.call.op))),
                                            size_text(answer), system.name)) +
                    "\n";
  const std::string rank = system.devices_per_chip > 1
                               ? fmt::format("a rank is a die, {} a chip", system.devices_per_chip)
                               : "a rank is a chip";
  return out + fmt::format("  {} ranks of {} chips{}; {}\n", answer.ranks, answer.chips, group_text(answer), rank) +
         "\n";
}

std::string bound_text(const CollectiveAnswer& answer) {
  return fmt::format("{} by the ports of a {}, {} of latency", time_text(answer.bound.port),
                     answer.bound.part.empty() ? "rank" : answer.bound.part, time_text(answer.bound.latency));
}

std::string parts_text(const CollectiveAnswer& answer) {
  const std::string fabric = fmt::format("{} hops + {} wire", time_text(answer.hops), time_text(answer.wire));
  return answer.bare ? fabric : fmt::format("{} software + {}", time_text(answer.software), fabric);
}

std::string facts(const CollectiveAnswer& answer) {
  Table table;
  table.align(1, Align::kLeft);
  table.add({"time", time_text(answer.time)});
  table.add({"made of", parts_text(answer)});
  table.add({"algorithm", fmt::format("{}, {} rounds, {} plane", answer.algorithm, answer.rounds,
                                      words(std::string(to_string(answer.plane))))});
  table.add({"algorithm bandwidth", rate_text(answer.algorithm_bandwidth)});
  table.add({"bus bandwidth", fmt::format("{} ({} times the former)", rate_text(answer.bus_bandwidth),
                                          significant_text(answer.bus_factor))});
  table.add({"no less than", bound_text(answer)});
  table.add({"above that", percent_text(answer.time / answer.bound.time() - 1)});
  if (is_expert_exchange(answer.request.call.op) && answer.request.call.routing.experts > 0)
    table.add({"most loaded rank", ratio_text(answer.expert_imbalance) + " the mean of tokens to its experts"});
  if (answer.healthy)
    table.add({"without faults", fmt::format("{}: the faults cost {}", time_text(*answer.healthy),
                                             ratio_text(answer.time / *answer.healthy))});
  return table.render();
}

std::string faults_section(const CollectiveAnswer& answer, const Style& style) {
  if (answer.faults.empty()) return "";
  std::string out = "\n" + style.title("Faults") + "\n";
  for (const std::string& note : answer.faults) out += wrap(note, 2, kWidth);
  return out;
}

std::string rivals_section(const CollectiveAnswer& answer, const Style& style) {
  if (answer.rivals.empty()) return "";
  Table table({"algorithm", "time", "over chosen"});
  table.align(3, Align::kLeft);
  for (const AlgorithmTime& each : answer.rivals) {
    const std::string note = each.algorithm == answer.algorithm ? "chosen"
                             : each.in_library                  ? ""
                                                                : "not in the library";
    table.add({each.algorithm, time_text(each.time), ratio_text(each.time / answer.time), note});
  }
  return "\n" + style.title("Algorithms") + " (all that may run)\n" + table.render();
}

std::string links_section(const std::vector<BusyLink>& links, const Style& style) {
  if (links.empty()) return "";
  Table table({"links", "bytes", "bandwidth", "used", "as busy"});
  for (const BusyLink& link : links)
    table.add({link.name, bytes_text(link.bytes), rate_text(link.bandwidth), percent_text(link.utilisation),
               fmt::format("{} of {}", link.alike, link.kind)});
  return "\n" + style.title("Busiest links") + " (of each kind; parallel links together, one direction)\n" +
         table.render();
}

std::string foundation(const CollectiveAnswer& answer, const StudySystem& study, const Style& style) {
  std::string out = "\n" + style.title("Stands on") + "\n";
  if (answer.bare) {
    const std::string classes = answer.variables > 0 && answer.variables != answer.flows
                                    ? fmt::format(" ({} by symmetry)", answer.variables)
                                    : "";
    return out + fmt::format("  the bare fabric, no software: {} flows{} in {}\n", answer.flows, classes,
                             time_text(answer.wall_clock));
  }
  const std::string what = answer.fit_confidence == Confidence::kAssumed ? "borrowed" : "fitted to measurements";
  const std::string entry = answer.missing_fit.empty() ? fmt::format("{}:", answer.fit)
                                                       : fmt::format("which has no fit of {}: stands on that of {},",
                                                                     answer.missing_fit, answer.fit);
  out += wrap(fmt::format("protocol {}, {} {} ({})", study.protocol_name, entry, what, answer.fit_source), 2, kWidth);
  return study.protocol_assumption.empty() ? out : out + wrap(study.protocol_assumption, 2, kWidth);
}

std::string time_cell(const nlohmann::ordered_json& value) {
  return value.is_number() ? time_text(Seconds(value.get<double>())) : "";
}

}  // namespace

std::string collective_report(const CollectiveAnswer& answer, const StudySystem& study, const Style& style) {
  return heading(answer, study, style) + facts(answer) + faults_section(answer, style) + rivals_section(answer, style) +
         links_section(answer.links, style) + foundation(answer, study, style);
}

std::string concurrent_report(const ConcurrentAnswer& answer, const Style& style) {
  Table table({"collective", "bytes", "ranks", "groups", "algorithm", "alone", "together", "slowdown"});
  table.align(4, Align::kLeft);
  for (const ConcurrentPart& part : answer.parts)
    table.add({words(std::string(to_string(part.request.call.op))), bytes_text(part.request.call.bytes),
               std::to_string(part.ranks), std::to_string(part.groups), part.algorithm, time_text(part.alone),
               time_text(part.together), ratio_text(part.slowdown())});
  return style.title("At the same time") +
         fmt::format(" on {} chips (bare flows, all groups of each)\n", answer.chips) + table.render() +
         links_section(answer.links, style);
}

std::string sweep_report(const std::vector<nlohmann::ordered_json>& rows, const std::vector<std::string>& keys) {
  std::vector<std::string> header = {"ranks",       "bytes",        "algorithm", "time", "bus GB/s",
                                     "above bound", "busiest link", "used",      ""};
  const bool faults = std::ranges::any_of(rows, [](const auto& row) { return row["slowdown_ratio"].is_number(); });
  if (faults) header.insert(header.begin() + 4, "slowdown");
  if (!keys.empty()) header.insert(header.begin(), "system");
  Table table(header);
  for (const std::size_t left : {header.size() - 3, header.size() - 1, keys.empty() ? std::size_t{2} : std::size_t{3}})
    table.align(left, Align::kLeft);
  for (const auto& row : rows) {
    const auto number = [&](const char* key, auto text) {
      return row[key].is_number() ? text(row[key].template get<double>()) : std::string();
    };
    std::vector<std::string> cells = {number("ranks", [](double n) { return fmt::format("{:.0f}", n); }),
                                      number("bytes", [](double n) { return bytes_text(Bytes(n)); }),
                                      row["algorithm"].is_string() ? row["algorithm"].get<std::string>() : "",
                                      time_cell(row["time_s"])};
    if (faults) cells.push_back(number("slowdown_ratio", ratio_text));
    if (row["status"] == "ok") {
      cells.push_back(number("bus_bandwidth_bytes_per_s", [](double n) { return significant_text(n / 1e9); }));
      cells.push_back(number("time_over_bound_ratio", [](double n) { return percent_text(n - 1); }));
      cells.push_back(row["busiest_link"].is_string() ? row["busiest_link"].get<std::string>() : "");
      cells.push_back(number("busiest_utilisation", percent_text));
    } else {
      cells.resize(header.size() - 1 - (keys.empty() ? 0 : 1));
      cells.push_back(row["status"].get<std::string>() + ": " + row["error"].get<std::string>());
    }
    if (!keys.empty()) cells.insert(cells.begin(), row["set"].get<std::string>());
    table.add(std::move(cells));
  }
  return table.render(0);
}

}  // namespace supernode
