#include "calibration/collective_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
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

std::string fit_key(CollectiveOp op, bool scale_out) {
  return fmt::format("{}.{}", scale_out ? "scale_out" : "scale_up", to_string(op));
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  using enum CollectiveOp;
  for (CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv})
    for (bool scale_out : {false, true}) keys.push_back(fit_key(op, scale_out));
  return keys;
}

void bind(ProtocolFit& fit, SpecReader& reader) {
  reader.sourced({"launch", "fixed time of one operation", kRequired}, fit.launch, true);
  reader.sourced({"alpha", "software latency of one message that a rank posts", kRequired}, fit.alpha, true);
  reader.sourced_number({"efficiency", "share of the bare port bandwidth reached at large sizes", kRequired},
                        fit.efficiency, {.min = 0.001, .max = 1});
  reader.sourced({"half_size", "bytes sent to one peer at which half of the efficiency is reached", kRequired},
                 fit.half_size, true);
  reader.boolean({"in_network_reduction", "the switch reduces (NVLS, SHARP): the wire bytes of all-reduce halve"},
                 fit.in_network_reduction);
}

bool check_key(const std::string& key, SpecReader& entries) {
  static const std::vector<std::string> keys = known_keys();
  if (std::find(keys.begin(), keys.end(), key) != keys.end()) return true;
  entries.error(key, fmt::format("unknown scope and operation '{}'{}", key, suggestion(key, keys)));
  return false;
}

}  // namespace

const ProtocolFit& CollectiveProtocol::fit(CollectiveOp op, bool crosses_scale_out) const {
  for (bool scale_out : {crosses_scale_out, !crosses_scale_out})
    for (CollectiveOp candidate : lookup_order(op))
      if (const auto found = fits.find(fit_key(candidate, scale_out)); found != fits.end()) return found->second;
  assert(!fits.empty());
  return fits.begin()->second;
}

void bind(CollectiveProtocol& protocol, SpecReader& reader) {
  reader.text({"name", "communication library", kRequired}, protocol.name);
  reader.text({"system", "system it was measured on", kRequired}, protocol.system);
  reader.text({"traces", "what the fits come from"}, protocol.traces);
  bind_algorithms(protocol.algorithms, "algorithms", reader);
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
