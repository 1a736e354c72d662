#include "sim/protocol_samples.hpp"

#include <algorithm>
#include <charconv>

#include "base/precision.hpp"

namespace supernode {
namespace {

using namespace literals;

constexpr Bytes kAsymptote = 8_GiB;

bool is_expert_op(CollectiveOp op) { return op == CollectiveOp::kEpDispatch || op == CollectiveOp::kEpCombine; }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

bool low_latency_mode(const CollectiveTraceRow& row) {
  return row.software == "cann-ep" || contains(row.note, "low-latency") || contains(row.note, "DeepEP ll");
}

// TensorRT-LLM's exchanges as aiconfigurator measures them: its collector has tokens take ranks by turns, so that each
// goes to as many of them as it has experts.
bool routed_evenly(const CollectiveTraceRow& row) {
  return row.software == "trtllm-alltoall" && contains(row.note, "balanced");
}

// What the note says was run goes before the column, which there names the configuration.
std::optional<std::int64_t> tokens_of(const CollectiveTraceRow& row) {
  constexpr std::string_view kKey = "num_token=";
  const std::size_t at = row.note.find(kKey);
  if (at == std::string::npos) return row.tokens;
  std::int64_t tokens = 0;
  const char* first = row.note.data() + at + kKey.size();
  const auto [end, error] = std::from_chars(first, row.note.data() + row.note.size(), tokens);
  return error == std::errc() ? std::optional(tokens) : row.tokens;
}

// Published runs dispatch in fp8 with a scale per 128 elements (DeepEP), int8 or bf16 where they say so, and combine in
// bf16 whatever the experts compute in.
Bytes element(const CollectiveTraceRow& row) {
  if (row.op == CollectiveOp::kEpCombine || row.dtype == "bfloat16") return bytes_per_element(Precision::kBf16);
  if (row.dtype == "int8") return bytes_per_element(Precision::kInt8);
  if (row.dtype == "nvfp4") return bytes_per_element(Precision::kFp4);
  return 1_B * (1 + 4.0 / 128);
}

std::vector<DeviceId> place(const SystemSpec& system, const CollectiveTraceRow& row) {
  const std::int64_t per_node =
      row.nodes > 0 && row.ranks % row.nodes == 0 ? row.ranks / row.nodes : system.devices_per_node();
  std::vector<DeviceId> members;
  for (std::int64_t rank = 0; rank < row.ranks; ++rank)
    members.push_back(DeviceId(rank / per_node * system.devices_per_node() + rank % per_node));
  return members;
}

bool leaves_supernode(const SystemSpec& system, const std::vector<DeviceId>& members) {
  return members.back().index >= system.devices_per_supernode();
}

std::int64_t node_count(const SystemSpec& system, const std::vector<DeviceId>& members) {
  return members.back().index / system.devices_per_node() + 1;
}

// What the published rate of a throughput-mode EP row is a rate of.
double copies_counted(const SystemSpec& system, const ProtocolSample& sample, bool copy_per_expert) {
  const TokenRouting& routing = sample.call.routing;
  if (copy_per_expert) return static_cast<double>(routing.topk);
  const auto ranks = static_cast<std::int64_t>(sample.members.size());
  const std::int64_t bins = sample.scale_out ? node_count(system, sample.members) : ranks;
  return expected_distinct_bins(bins, routing.experts, routing);
}

bool fill_expert_call(const SystemSpec& system, const CollectiveTraceRow& row, bool copy_per_expert,
                      ProtocolSample& sample) {
  const std::optional<std::int64_t> tokens = tokens_of(row);
  if (!tokens || !row.hidden || !row.topk) return false;
  const Bytes payload = element(row) * static_cast<double>(*tokens) * static_cast<double>(*row.hidden);
  sample.call.bytes = payload;
  sample.low_latency = low_latency_mode(row);
  sample.call.routing = {.topk = *row.topk,
                         .experts = row.experts.value_or(0),
                         .low_latency = sample.low_latency,
                         .even = routed_evenly(row),
                         .tokens = static_cast<double>(*tokens)};
  if (sample.low_latency && !row.time) return false;
  sample.measured = row.time ? *row.time : payload * copies_counted(system, sample, copy_per_expert) / *row.busbw;
  return true;
}

void fill_call(const CollectiveTraceRow& row, ProtocolSample& sample) {
  sample.call.bytes = row.bytes.value_or(kAsymptote);
  const double factor = bus_factor(row.op, row.ranks);
  sample.measured = row.time ? *row.time : sample.call.bytes * factor / *row.busbw;
}

}  // namespace

std::optional<ProtocolSample> protocol_sample(const SystemSpec& system, const CollectiveTraceRow& row,
                                              bool copy_per_expert) {
  if (row.ranks < 2 || (!row.time && !row.busbw) || (row.time && !row.bytes && !is_expert_op(row.op)))
    return std::nullopt;
  ProtocolSample sample;
  sample.op = row.op;
  sample.call.op = row.op;
  sample.members = place(system, row);
  sample.scale_out = leaves_supernode(system, sample.members);
  sample.source = row.source.substr(0, row.source.find(' '));
  if (!is_expert_op(row.op))
    fill_call(row, sample);
  else if (!fill_expert_call(system, row, copy_per_expert, sample))
    return std::nullopt;
  return sample.measured.value() > 0 ? std::optional(sample) : std::nullopt;
}

std::int64_t chips_for(const SystemSpec& system, const std::vector<ProtocolSample>& samples) {
  std::int64_t devices = 1;
  for (const ProtocolSample& sample : samples)
    devices = std::max<std::int64_t>(devices, sample.members.back().index + 1);
  return (devices + system.devices_per_chip - 1) / system.devices_per_chip;
}

}  // namespace supernode
