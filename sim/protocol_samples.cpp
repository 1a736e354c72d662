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

// A batch of so many tokens a rank is one of decoding.
bool low_latency_mode(const CollectiveTraceRow& row) {
  return row.software == "cann-ep" || contains(row.note, "low-latency") || contains(row.note, "DeepEP ll") ||
         contains(row.source, "(batch ");
}

// TensorRT-LLM's exchanges as aiconfigurator measures them: its collector has tokens take ranks by turns, so that each
// goes to as many of them as it has experts.
bool routed_evenly(const CollectiveTraceRow& row) {
  return row.software == "trtllm-alltoall" && contains(row.note, "balanced");
}

// The number before `unit` in a text: 8192 of "V2, 8192 tok".
std::optional<std::int64_t> number_before(const std::string& text, std::string_view unit) {
  const std::size_t end = text.find(unit);
  if (end == std::string::npos) return std::nullopt;
  const std::size_t last_other = text.find_last_not_of("0123456789", end - (end > 0 ? 1 : 0));
  const char* first = text.data() + (last_other == std::string::npos ? 0 : last_other + 1);
  std::int64_t number = 0;
  return std::from_chars(first, text.data() + end, number).ec == std::errc() ? std::optional(number) : std::nullopt;
}

// What the note says was run goes before the column, which there names the configuration; without either, what the note
// or the source says in words.
std::optional<std::int64_t> tokens_of(const CollectiveTraceRow& row) {
  constexpr std::string_view kKey = "num_token=";
  if (const std::size_t at = row.note.find(kKey); at != std::string::npos) {
    std::int64_t tokens = 0;
    const char* first = row.note.data() + at + kKey.size();
    if (std::from_chars(first, row.note.data() + row.note.size(), tokens).ec == std::errc()) return tokens;
  }
  if (row.tokens) return row.tokens;
  const auto in_note = number_before(row.note, " tok");
  return in_note ? in_note : number_before(row.source, " tok");
}

// Published runs dispatch in fp8 with a scale per 128 elements (DeepEP), int8 or bf16 where they say so, and combine in
// bf16 whatever the experts compute in.
Bytes element(const CollectiveTraceRow& row) {
  const bool combined = row.op == CollectiveOp::kEpCombine && !row.low_precision_combine;
  if (combined || row.dtype == "bfloat16") return bytes_per_element(Precision::kBf16);
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

void fill_expert_call(const SystemSpec& system, const CollectiveTraceRow& row, bool copy_per_expert,
                      ProtocolSample& sample) {
  const std::optional<std::int64_t> tokens = tokens_of(row);
  const Bytes payload = element(row) * static_cast<double>(*tokens) * static_cast<double>(*row.hidden);
  sample.call.bytes = payload;
  sample.low_latency = low_latency_mode(row);
  sample.call.routing = {.topk = *row.topk,
                         .experts = row.experts.value_or(0),
                         .low_latency = sample.low_latency,
                         .even = routed_evenly(row),
                         .tokens = static_cast<double>(*tokens)};
  sample.measured = row.time ? *row.time : payload * copies_counted(system, sample, copy_per_expert) / *row.busbw;
}

void fill_call(const CollectiveTraceRow& row, ProtocolSample& sample) {
  sample.call.bytes = row.bytes.value_or(kAsymptote);
  const double factor = bus_factor(row.op, row.ranks);
  sample.measured = row.time ? *row.time : sample.call.bytes * factor / *row.busbw;
}

std::string why_no_exchange(const CollectiveTraceRow& row) {
  if (!tokens_of(row)) return "tokens not stated";
  if (!row.hidden) return "hidden size not stated";
  if (!row.topk) return "experts of a token not stated";
  return low_latency_mode(row) && !row.time ? "a rate of low-latency kernels, no time" : "";
}

}  // namespace

std::string why_no_sample(const CollectiveTraceRow& row) {
  if (!row.other_op.empty()) return "operation '" + row.other_op + "' is no collective";
  if (row.ranks < 2) return "fewer than two ranks";
  if (!row.time && !row.busbw) return "neither time nor rate";
  if ((row.time && row.time->value() <= 0) || (!row.time && row.busbw->value() <= 0))
    return "time or rate not positive";
  if (is_expert_op(row.op)) return why_no_exchange(row);
  return row.time && !row.bytes ? "a time for unknown bytes" : "";
}

std::optional<ProtocolSample> protocol_sample(const SystemSpec& system, const CollectiveTraceRow& row,
                                              bool copy_per_expert) {
  if (!why_no_sample(row).empty()) return std::nullopt;
  ProtocolSample sample;
  sample.op = row.op;
  sample.call.op = row.op;
  sample.members = place(system, row);
  sample.scale_out = leaves_supernode(system, sample.members);
  sample.source = row.source.substr(0, row.source.find(' '));
  if (is_expert_op(row.op))
    fill_expert_call(system, row, copy_per_expert, sample);
  else
    fill_call(row, sample);
  return sample.measured.value() > 0 ? std::optional(sample) : std::nullopt;
}

std::int64_t chips_for(const SystemSpec& system, const std::vector<ProtocolSample>& samples) {
  std::int64_t devices = 1;
  for (const ProtocolSample& sample : samples)
    devices = std::max<std::int64_t>(devices, sample.members.back().index + 1);
  return (devices + system.devices_per_chip - 1) / system.devices_per_chip;
}

}  // namespace supernode
