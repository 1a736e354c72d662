#include "sim/flow_cache.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/hash.hpp"
#include "base/serialize.hpp"
#include "sim/flow_engine.hpp"

namespace supernode {
namespace {

// To be raised when the engine gives other times for the same classes.
constexpr std::string_view kEngineVersion = "supernode flow classes 1";
constexpr std::size_t kSlotDigits = 3;  // of the key: 16^3 slots
constexpr std::size_t kMostBytes = 64 * 1024;
// A flow's end takes 0.2 to 0.5 us, more where many flows share links.
constexpr std::int64_t kFewestEvents = 4096;

std::int64_t events_of(const FlowClasses& classes) {
  std::int64_t events = 0;
  for (const RankClass& rank : classes.ranks)
    for (const RankClass::Step& step : rank.steps) events += step.count * step.repeat;
  return events;
}

// Field by field: structs have padding.
void put(ByteWriter& writer, const FlowClass& flow) {
  writer.put(flow.round), writer.put(flow.from), writer.put(flow.to);
  writer.put(flow.latency_s), writer.put(flow.bytes);
}

void put(ByteWriter& writer, const RankClass& rank) {
  writer.put(rank.start_s);
  writer.put(rank.parts.size());
  for (const RankClass::Part& part : rank.parts) writer.put(part.flow), writer.put(part.send);
  writer.put(rank.steps.size());
  for (const RankClass::Step& step : rank.steps)
    writer.put(step.round), writer.put(step.first), writer.put(step.count), writer.put(step.repeat);
}

std::string entry_of(const std::string& key, const std::vector<Seconds>& finish) {
  ByteWriter writer;
  writer.put(finish);
  const std::string values = writer.take();
  return key + sha256_hex(key + values) + values;
}

std::filesystem::path from(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

}  // namespace

FlowCache FlowCache::from_environment() {
  if (std::getenv("SUPERNODE_CACHE_DIR") != nullptr) {
    const std::filesystem::path folder = from("SUPERNODE_CACHE_DIR");
    return FlowCache(folder == "off" ? "" : folder);
  }
  if (const auto caches = from("XDG_CACHE_HOME"); !caches.empty()) return FlowCache(caches / "supernode");
  const std::filesystem::path home = from("HOME");
  return FlowCache(home.empty() ? "" : home / ".cache" / "supernode");
}

std::filesystem::path FlowCache::slot(const std::string& key) const {
  return folder_ / ("flows-" + key.substr(0, kSlotDigits));
}

std::optional<std::vector<Seconds>> FlowCache::find(const std::string& key) const {
  if (off()) return std::nullopt;
  std::ifstream file(slot(key), std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  const std::string entry = content.str();
  const std::size_t header = 2 * key.size();
  if (entry.size() < header + sizeof(std::size_t) || entry.compare(0, key.size(), key) != 0) return std::nullopt;
  const std::string values = entry.substr(header);
  if (entry.compare(key.size(), key.size(), sha256_hex(key + values)) != 0) return std::nullopt;
  return ByteReader(values).get_vector<Seconds>();
}

void FlowCache::keep(const std::string& key, const std::vector<Seconds>& finish) const {
  if (off()) return;
  const std::string entry = entry_of(key, finish);
  if (entry.size() > kMostBytes) return;
  static std::atomic<int> written = 0;
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  std::filesystem::path beside = slot(key);
  beside += "." + std::to_string(::getpid()) + "." + std::to_string(written++);
  std::ofstream file(beside, std::ios::binary);
  file.write(entry.data(), static_cast<std::streamsize>(entry.size()));
  file.close();
  if (file) std::filesystem::rename(beside, slot(key), error);
  if (!file || error) std::filesystem::remove(beside, error);
}

std::string cache_key(const FlowClasses& classes) {
  ByteWriter writer;
  writer.put(std::string(kEngineVersion));
  writer.put(classes.capacity);
  writer.put(classes.flows.size());
  for (const FlowClass& flow : classes.flows) put(writer, flow);
  writer.put(classes.crossings.first);
  for (const Crossing& crossing : classes.crossings.all) writer.put(crossing.link), writer.put(crossing.weight);
  writer.put(classes.ranks.size());
  for (const RankClass& rank : classes.ranks) put(writer, rank);
  return sha256_hex(writer.take());
}

std::vector<Seconds> run_flow_classes_cached(const FlowClasses& classes, const FlowCache& cache) {
  if (cache.off() || events_of(classes) < kFewestEvents) return run_flow_classes(classes);
  const std::string key = cache_key(classes);
  if (auto known = cache.find(key); known && known->size() == classes.ranks.size()) return *std::move(known);
  std::vector<Seconds> finish = run_flow_classes(classes);
  cache.keep(key, finish);
  return finish;
}

}  // namespace supernode
