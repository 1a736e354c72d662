#include "calibration/collective_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

namespace supernode {
namespace {

// Nearest operations first: those with the same data movement, then those with the same kind of library code.
std::vector<CollectiveOp> lookup_order(CollectiveOp op) {
  using enum CollectiveOp;
  switch (op) {
    case kAllReduce:
      return {kAllReduce, kReduceScatter, kAllGather, kAllToAll, kSendRecv};
    case kAllGather:
      return {kAllGather, kReduceScatter, kAllReduce, kAllToAll, kSendRecv};
    case kReduceScatter:
      return {kReduceScatter, kAllGather, kAllReduce, kAllToAll, kSendRecv};
    case kAllToAll:
      return {kAllToAll, kSendRecv, kAllGather, kReduceScatter, kAllReduce, kEpDispatch, kEpCombine};
    case kEpDispatch:
      return {kEpDispatch, kEpCombine, kAllToAll, kSendRecv, kAllGather, kReduceScatter, kAllReduce};
    case kEpCombine:
      return {kEpCombine, kEpDispatch, kAllToAll, kSendRecv, kAllGather, kReduceScatter, kAllReduce};
    case kSendRecv:
      return {kSendRecv, kAllToAll, kAllGather, kReduceScatter, kAllReduce};
  }
  return {op};
}

bool is_expert_exchange(CollectiveOp op) { return op == CollectiveOp::kEpDispatch || op == CollectiveOp::kEpCombine; }

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  using enum CollectiveOp;
  for (CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv})
    for (bool scale_out : {false, true})
      for (bool low_latency : {false, true})
        if (!low_latency || is_expert_exchange(op)) keys.push_back(protocol_key(op, scale_out, low_latency));
  return keys;
}

void bind(ProtocolRegime& regime, SpecReader& reader) {
  reader.sourced({"launch", "fixed time of one operation", kRequired}, regime.launch, true);
  reader.sourced({"alpha", "software latency of one message that a rank posts", kRequired}, regime.alpha, true);
  reader.sourced({"sync", "time per doubling of the group for its ranks to agree"}, regime.sync, true);
  reader.sourced_number({"efficiency", "share of the bare port bandwidth reached", kRequired}, regime.efficiency,
                        {.min = 0.001, .max = 1});
  reader.sourced({"limit", "largest block, one rank's bytes or those to one peer, that it is used for; 0 = any"},
                 regime.limit, true);
  reader.text_list({"algorithms", "that it is of; none: all that no other regime names"}, regime.algorithms);
}

void bind(ProtocolFit& fit, SpecReader& reader) {
  reader.boolean({"in_network_reduction", "the switch reduces (NVLS, SHARP): the wire bytes of all-reduce halve"},
                 fit.in_network_reduction);
  reader.sourced({"token", "least time of a rank's token in an expert exchange, however few its bytes"}, fit.token,
                 true);
  reader.object({"deviation", "how sure its times are"}, [&](SpecReader& inner) { bind(fit.deviation, inner); });
  reader.items({"regimes", "ways the library moves data; it takes the fastest", kRequired}, [&](SpecReader& item) {
    ProtocolRegime regime;
    bind(regime, item);
    fit.regimes.push_back(regime);
  });
  if (!reader.documenting() && reader.has("regimes") && fit.regimes.empty()) reader.error("regimes", "has no entry");
}

void bind(MeasuredRows& rows, SpecReader& reader) {
  reader.text_list({"software", "of the rows, one of these; none: any"}, rows.software);
  reader.text_list({"note", "the rows' note has one of these words; none: any"}, rows.note);
  reader.text_list({"systems", "without rows of their own, for which it is taken as well"}, rows.systems);
}

bool check_key(const std::string& key, SpecReader& entries) {
  static const std::vector<std::string> keys = known_keys();
  if (std::find(keys.begin(), keys.end(), key) != keys.end()) return true;
  entries.error(key, fmt::format("unknown scope and operation '{}'{}", key, suggestion(key, keys)));
  return false;
}

bool names(const ProtocolRegime& regime, std::string_view algorithm) {
  return std::ranges::find(regime.algorithms, algorithm) != regime.algorithms.end();
}

bool admits(const ProtocolRegime& regime, Bytes block) {
  return regime.limit.value.value() <= 0 || block <= regime.limit.value;
}

}  // namespace

std::size_t MeasuredRows::match(std::string_view row_software, std::string_view row_note) const {
  if (!software.empty() && std::ranges::find(software, row_software) == software.end()) return 0;
  std::size_t longest = 0;
  for (const std::string& word : note)
    if (row_note.find(word) != std::string_view::npos) longest = std::max(longest, word.size());
  return note.empty() || longest > 0 ? 1 + longest : 0;
}

std::string protocol_key(CollectiveOp op, bool scale_out, bool low_latency) {
  return fmt::format("{}.{}{}", scale_out ? "scale_out" : "scale_up", to_string(op),
                     low_latency && is_expert_exchange(op) ? "_low_latency" : "");
}

Seconds ProtocolRegime::latency(std::int64_t steps, std::int64_t ranks) const {
  return launch.value + alpha.value * static_cast<double>(steps) + sync.value * std::log2(static_cast<double>(ranks));
}

bool ProtocolFit::runs(std::string_view algorithm) const {
  return std::ranges::any_of(regimes,
                             [&](const ProtocolRegime& r) { return r.algorithms.empty() || names(r, algorithm); });
}

std::vector<const ProtocolRegime*> ProtocolFit::regimes_for(std::string_view algorithm, Bytes block) const {
  const bool named = std::ranges::any_of(regimes, [&](const ProtocolRegime& r) { return names(r, algorithm); });
  const bool run = runs(algorithm);
  std::vector<const ProtocolRegime*> of, admitted;
  for (const ProtocolRegime& regime : regimes) {
    const bool fits = named ? names(regime, algorithm)
                            : (run ? regime.algorithms.empty() : regime.algorithms == regimes.front().algorithms);
    if (!fits) continue;
    of.push_back(&regime);
    if (admits(regime, block)) admitted.push_back(&regime);
  }
  if (!admitted.empty() || of.empty()) return admitted;
  const auto limit = [](const ProtocolRegime* r) { return r->limit.value; };
  const Bytes highest = limit(*std::ranges::max_element(of, {}, limit));
  std::erase_if(of, [&](const ProtocolRegime* r) { return limit(r) < highest; });
  return of;
}

const ProtocolFit& CollectiveProtocol::fit(CollectiveOp op, bool crosses_scale_out, bool low_latency) const {
  for (bool scale_out : {crosses_scale_out, !crosses_scale_out})
    for (CollectiveOp candidate : lookup_order(op))
      for (bool low : {low_latency, !low_latency})
        if (low_latency || !low)
          if (const auto found = fits.find(protocol_key(candidate, scale_out, low)); found != fits.end())
            return found->second;
  assert(!fits.empty());
  return fits.begin()->second;
}

const ProtocolFit& CollectiveProtocol::fit(const CollectiveCall& call, bool crosses_scale_out) const {
  return fit(call.op, crosses_scale_out, call.routing.low_latency);
}

// Tokens sent to each of k experts count as k tokens of one expert.
CollectiveCall CollectiveProtocol::as_moved(const CollectiveCall& call) const {
  CollectiveCall moved = call;
  if (!is_expert_exchange(call.op) || !(copy_per_expert || call.routing.low_latency)) return moved;
  moved.bytes = call.bytes * static_cast<double>(call.routing.topk);
  moved.routing.topk = 1;
  moved.routing.node_limit = 0;
  return moved;
}

void bind(CollectiveProtocol& protocol, SpecReader& reader) {
  reader.text({"name", "communication library", kRequired}, protocol.name);
  reader.text({"system", "system it was measured on", kRequired}, protocol.system);
  reader.text({"traces", "what the fits come from"}, protocol.traces);
  bind_algorithms(protocol.algorithms, "algorithms", reader);
  reader.boolean({"copy_per_expert", "a token goes once to each of its experts, not once to each rank that has any"},
                 protocol.copy_per_expert);
  reader.object({"measured", "which measured rows are its; absent: those of its system that are of no other"},
                [&](SpecReader& inner) { bind(protocol.measured, inner); });
  reader.object({"memory_access", "loads and stores to other processors' memory"},
                [&](SpecReader& inner) { bind(protocol.memory_access, inner); });
  reader.dictionary({"fits", "by scope and operation, e.g. scale_up.all_reduce", kRequired},
                    [&](SpecReader& entries, const std::string& key) {
                      const bool known = check_key(key, entries);
                      ProtocolFit fit;
                      entries.object({key, "one operation in one scope"}, [&](SpecReader& entry) { bind(fit, entry); });
                      if (known) protocol.fits[key] = fit;
                    });
  if (!reader.documenting() && reader.has("fits") && protocol.fits.empty())
    reader.error("fits", "no operation is fitted");
}

}  // namespace supernode
