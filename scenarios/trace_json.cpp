#include "scenarios/trace_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

namespace supernode {

namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::int64_t nanoseconds(Seconds time) { return std::llround(time.value() * 1e9); }

// Names and order of processes and tracks.
void append_metadata(const std::vector<TraceSlice>& slices, std::string& out) {
  std::set<std::pair<std::int32_t, std::int32_t>> tracks;
  for (const TraceSlice& slice : slices) tracks.emplace(slice.stage, slice.stream);
  auto end = std::back_inserter(out);
  std::int32_t process = -1;
  for (const auto& [stage, stream] : tracks) {
    if (stage != process) {
      fmt::format_to(end, ",\n{{\"ph\":\"M\",\"pid\":{},\"name\":\"process_name\",\"args\":{{\"name\":\"stage {}\"}}}}",
                     stage, stage);
      fmt::format_to(end,
                     ",\n{{\"ph\":\"M\",\"pid\":{},\"name\":\"process_sort_index\",\"args\":{{\"sort_index\":{}}}}}",
                     stage, stage);
      process = stage;
    }
    fmt::format_to(end, ",\n{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"thread_name\",\"args\":{{\"name\":{}}}}}",
                   stage, stream, quoted(stream_name(stream)));
    fmt::format_to(
        end, ",\n{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"thread_sort_index\",\"args\":{{\"sort_index\":{}}}}}",
        stage, stream, stream);
  }
}

// Viewers nest slices of one track by time; a slice that starts with another must come after the longer one.
std::vector<const TraceSlice*> outer_first(const std::vector<TraceSlice>& slices) {
  std::vector<const TraceSlice*> order;
  for (const TraceSlice& slice : slices) order.push_back(&slice);
  std::stable_sort(order.begin(), order.end(), [](const TraceSlice* a, const TraceSlice* b) {
    if (a->stage != b->stage) return a->stage < b->stage;
    if (a->stream != b->stream) return a->stream < b->stream;
    if (a->start != b->start) return a->start < b->start;
    return b->end < a->end;
  });
  return order;
}

}  // namespace

std::string stream_name(std::int32_t stream) {
  return stream == 0 ? "compute" : fmt::format("comm {}", to_string(static_cast<CommClass>(stream - 1)));
}

std::string trace_json(const std::vector<TraceSlice>& slices, const std::string& title) {
  std::string out =
      fmt::format("{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"scenario\":{}}},\"traceEvents\":[\n", quoted(title));
  out += "{\"ph\":\"M\",\"pid\":0,\"name\":\"trace\",\"args\":{}}";
  append_metadata(slices, out);
  auto end = std::back_inserter(out);
  std::unordered_map<std::string, std::string> names;
  for (const TraceSlice* slice : outer_first(slices)) {
    auto& name = names[slice->name];
    if (name.empty()) name = quoted(slice->name);
    const std::int64_t start = nanoseconds(slice->start), duration = nanoseconds(slice->end) - start;
    fmt::format_to(end, ",\n{{\"ph\":\"X\",\"pid\":{},\"tid\":{},\"ts\":{}.{:03},\"dur\":{}.{:03},\"name\":{}}}",
                   slice->stage, slice->stream, start / 1000, start % 1000, duration / 1000, duration % 1000, name);
  }
  return out + "\n]}\n";
}

}  // namespace supernode
