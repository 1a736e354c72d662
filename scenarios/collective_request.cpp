#include "scenarios/collective_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>

#include "base/numeric.hpp"
#include "base/units.hpp"
#include "calibration/library_algorithms.hpp"
#include "scenarios/expert_histogram.hpp"
#include "sim/collectives/builtin.hpp"

namespace supernode {

namespace {

using enum CollectiveOp;
constexpr std::array kOps = {kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv};

std::string with(std::string text, char from, char to) {
  std::ranges::replace(text, from, to);
  return text;
}

// One value on its way into a request.
struct Value {
  const Override& setting;
  Diagnostics& diagnostics;

  void error(std::string message) const {
    const auto file = std::make_shared<const SourceFile>(
        SourceFile{fmt::format("--{} {}", with(setting.path, '_', '-'), setting.value), ""});
    diagnostics.error({file, 0, 0}, std::move(message));
  }

  void integer(std::int64_t& out, std::int64_t least, std::int64_t most) const {
    std::size_t end = 0;
    std::int64_t number = 0;
    try {
      number = std::stoll(setting.value, &end);
    } catch (const std::exception&) {
      end = std::string::npos;
    }
    if (end != setting.value.size() || number < least || number > most)
      return error(fmt::format("a whole number from {} to {} is needed", least, most));
    out = number;
  }

  void number(double& out, double least, double most) const {
    std::size_t end = 0;
    double value = 0;
    try {
      value = std::stod(setting.value, &end);
    } catch (const std::exception&) {
      end = std::string::npos;
    }
    if (end != setting.value.size() || !(value >= least && value <= most))
      return error(fmt::format("a number from {} to {} is needed", least, most));
    out = value;
  }

  void bytes(Bytes& out) const {
    const ParsedQuantity parsed = parse_quantity(setting.value, {0, 1, 0}, false);
    if (!parsed.ok) return error(parsed.error);
    out = Bytes(parsed.si);
  }

  void precision(Precision& out) const {
    if (const auto parsed = parse_precision(setting.value)) {
      out = *parsed;
      return;
    }
    std::vector<std::string> names;
    for (const Precision each : kAllPrecisions) names.emplace_back(to_string(each));
    error(fmt::format("unknown precision{}", suggestion(setting.value, names)));
  }

  // One of two words; `out` says whether it is the second.
  void either(bool& out, const std::vector<std::string>& names) const {
    const std::string name = with(setting.value, '-', '_');
    if (std::ranges::find(names, name) == names.end())
      return error(fmt::format("unknown {}{}", setting.path, suggestion(name, names)));
    out = name == names.back();
  }

  void expert_placement(ExpertPlacement& out) const {
    using enum ExpertPlacement;
    std::vector<std::string> names;
    for (const ExpertPlacement each : {kContiguous, kRoundRobin, kBalanced}) names.emplace_back(to_string(each));
    if (const auto parsed = parse_expert_placement(with(setting.value, '-', '_')))
      out = *parsed;
    else
      error(fmt::format("unknown placement of experts{}", suggestion(setting.value, names)));
  }

  void histogram(CollectiveRequest& request) const {
    request.histogram = read_expert_histogram(setting.value, diagnostics);
    if (!request.histogram) return;
    request.call.routing.histogram = request.histogram.get();
    request.call.routing.experts = static_cast<std::int64_t>(request.histogram->tokens.size());
  }

  // The name of an algorithm that runs the operation over some group, or auto.
  void algorithm(CollectiveRequest& request) const {
    const std::string name = with(setting.value, '-', '_');
    std::vector<std::string> known = known_algorithms(request.call.op);
    if (name == "auto" || std::ranges::find(known, name) != known.end()) {
      request.algorithm = name == "auto" ? "" : name;
      return;
    }
    known.push_back("auto");
    error(
        fmt::format("{} has no algorithm '{}'{}", to_string(request.call.op), setting.value, suggestion(name, known)));
  }
};

constexpr std::int64_t kMostDevices = std::int64_t{1} << 21;

struct Setting {
  SettingDoc doc;
  std::function<void(CollectiveRequest&, const Value&)> read;
};

const std::vector<Setting>& settings() {
  using R = CollectiveRequest&;
  using V = const Value&;
  static const std::vector<Setting> table = {
      {{"bytes", "the full buffer, as nccl-tests counts it", "64 MiB"},
       [](R r, V v) { v.bytes(r.call.bytes), r.bytes_given = true; }},
      {{"ranks", "size of the group", "384"}, [](R r, V v) { v.integer(r.group.ranks, 1, kMostDevices); }},
      {{"chips", "chips of the cluster", "384"}, [](R r, V v) { v.integer(r.chips, 1, 1 << 20); }},
      {{"algorithm", "auto, or a name", "ring"}, [](R r, V v) { v.algorithm(r); }},
      {{"placement", "packed: the first devices; spread: evenly over the cluster", "spread"},
       [](R r, V v) {
         v.either(r.group.spread, {"packed", "spread"});
       }},
      {{"stride", "every n-th device only", "8"}, [](R r, V v) { v.integer(r.group.stride, 1, kMostDevices); }},
      {{"per_node", "the first so many devices of each node", "1"},
       [](R r, V v) { v.integer(r.group.per_node, 1, kMostDevices); }},
      {{"tokens", "of one rank, for an expert exchange", "128"},
       [](R r, V v) { v.integer(r.tokens.tokens, 1, 1 << 30); }},
      {{"hidden", "elements of a token", "7168"}, [](R r, V v) { v.integer(r.tokens.hidden, 1, 1 << 30); }},
      {{"precision", "of an element", "fp8"}, [](R r, V v) { v.precision(r.tokens.precision); }},
      {{"topk", "experts a token is sent to", "8"}, [](R r, V v) { v.integer(r.call.routing.topk, 1, 1 << 20); }},
      {{"experts", "routed experts in all; 0 = many", "256"},
       [](R r, V v) { v.integer(r.call.routing.experts, 0, 1 << 20); }},
      {{"node_limit", "nodes a token may go to; 0 = no limit", "4"},
       [](R r, V v) { v.integer(r.call.routing.node_limit, 0, 1 << 20); }},
      {{"expert_placement", "contiguous, round-robin or balanced", "balanced"},
       [](R r, V v) { v.expert_placement(r.call.routing.placement); }},
      {{"histogram", "a CSV file: tokens of each expert, in the last column", "tokens.csv"},
       [](R r, V v) { v.histogram(r); }},
      {{"kernels", "of an expert exchange: throughput, or low-latency for decoding", "low-latency"},
       [](R r, V v) {
         v.either(r.call.routing.low_latency, {"throughput", "low_latency"});
       }},
      {{"routing", "random, or even: on as many ranks as a token has experts, as benchmarks do", "even"},
       [](R r, V v) {
         v.either(r.call.routing.even, {"random", "even"});
       }},
      {{"zipf", "popularity of the i-th expert ~ i^-S; 0 = all alike", "0.5"},
       [](R r, V v) { v.number(r.call.routing.zipf, 0, 10); }},
      {{"redundant", "extra copies of experts, each of the one with most load a copy", "32"},
       [](R r, V v) { v.integer(r.call.routing.redundant, 0, 1 << 20); }},
  };
  return table;
}

const Setting* find_setting(std::string_view key) {
  const std::string name = with(std::string(key), '-', '_');
  const auto found = std::ranges::find(settings(), name, [](const Setting& s) { return s.doc.key; });
  return found == settings().end() ? nullptr : &*found;
}

}  // namespace

CollectiveRequest::CollectiveRequest(CollectiveOp op) {
  call.op = op;
  if (!is_expert_exchange(op)) return;
  call.routing.topk = 8;
  call.routing.experts = 256;
  if (op == kEpDispatch) tokens.precision = Precision::kFp8;
}

Bytes ExpertTokens::bytes() const { return bytes_per_element(precision) * real(tokens) * real(hidden); }

std::optional<CollectiveOp> read_collective_op(const std::string& name, Diagnostics& diagnostics) {
  if (const auto op = parse_collective_op(with(name, '-', '_'))) return op;
  std::vector<std::string> names;
  for (const CollectiveOp op : kOps) names.push_back(with(std::string(to_string(op)), '_', '-'));
  diagnostics.error({}, fmt::format("unknown collective '{}'{}", name, suggestion(name, names)));
  return std::nullopt;
}

const std::vector<SettingDoc>& collective_settings() {
  static const std::vector<SettingDoc> docs = [] {
    std::vector<SettingDoc> list;
    for (const Setting& setting : settings()) list.push_back(setting.doc);
    return list;
  }();
  return docs;
}

bool is_collective_setting(std::string_view key) { return find_setting(key) != nullptr; }

void read_setting(CollectiveRequest& request, const Override& setting, Diagnostics& diagnostics) {
  find_setting(setting.path)->read(request, {setting, diagnostics});
}

void finish_request(CollectiveRequest& request) {
  if (is_expert_exchange(request.call.op) && !request.bytes_given) {
    request.call.bytes = request.tokens.bytes();
    request.call.routing.tokens = real(request.tokens.tokens);
  }
  if (request.call.op == kSendRecv && request.group.ranks == 0) request.group.ranks = 2;
}

std::string system_path(const std::string& key) {
  static constexpr std::string_view kRandom[] = {"links", "optics", "switches", "nics"};
  if (std::ranges::find(kRandom, key) != std::end(kRandom)) return "system.faults.random." + key;
  static constexpr std::string_view kSections[] = {"system", "chip",    "protocol", "model",
                                                   "plan",   "options", "rl",       "run"};
  const bool section = std::ranges::find(kSections, key.substr(0, key.find('.'))) != std::end(kSections);
  return section ? key : "system." + key;
}

}  // namespace supernode
