// The Perfetto trace: valid JSON, one process a stage, one track a stream, slices that nest as they did.
#include "scenarios/trace_json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "scenarios/outcome.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using nlohmann::json;

TEST(TraceJson, SlicesBecomeEventsInMicroseconds) {
  const std::vector<TraceSlice> slices = {{0, 0, "forward 0", Seconds(1e-6), Seconds(3.5e-6)},
                                          {1, 1, "all_gather \"x\"", Seconds(0), Seconds(2e-9)}};
  const json trace = json::parse(trace_json(slices, "title"));
  std::vector<json> events;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "X") events.push_back(event);
  }
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["pid"], 0);
  EXPECT_DOUBLE_EQ(events[0]["ts"], 1.0);
  EXPECT_DOUBLE_EQ(events[0]["dur"], 2.5);
  EXPECT_EQ(events[1]["name"], "all_gather \"x\"");
  EXPECT_DOUBLE_EQ(events[1]["dur"], 0.002);
}

TEST(TraceJson, ProcessesAreStagesAndTracksAreStreams) {
  const json trace = json::parse(trace_json({{2, 1, "a", Seconds(0), Seconds(1)}}, "t"));
  std::map<std::string, std::string> names;
  for (const json& event : trace["traceEvents"]) {
    if (event["name"] == "process_name" || event["name"] == "thread_name") {
      names[event["name"]] = event["args"]["name"];
      EXPECT_EQ(event["pid"], 2);
    }
  }
  EXPECT_EQ(names["process_name"], "stage 2");
  EXPECT_EQ(names["thread_name"], "comm tensor");
}

TEST(TraceJson, AnOuterSliceComesBeforeTheOneThatStartsWithIt) {
  const json trace =
      json::parse(trace_json({{0, 0, "inner", Seconds(0), Seconds(1)}, {0, 0, "outer", Seconds(0), Seconds(2)}}, "t"));
  std::vector<std::string> order;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "X") order.push_back(event["name"]);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"outer", "inner"}));
}

// On every track of a real step a slice lies within, or wholly beside, any other.
TEST(TraceJson, SlicesOfASimulatedStepNest) {
  const auto loaded = testing::load_text(testing::kSmallScenario);
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const Outcome outcome = run_scenario(*loaded.scenario, {.trace = true});
  ASSERT_FALSE(outcome.trace.empty());
  const json trace = json::parse(trace_json(outcome.trace, "t"));
  std::map<std::pair<int, int>, std::vector<double>> open;  // ends of the slices that are open, in nanoseconds
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    auto& ends = open[{event["pid"], event["tid"]}];
    const double start = std::round(event["ts"].get<double>() * 1000);
    const double end = start + std::round(event["dur"].get<double>() * 1000);
    while (!ends.empty() && ends.back() <= start) ends.pop_back();
    if (!ends.empty()) {
      ASSERT_LE(end, ends.back()) << event;
    }
    ends.push_back(end);
  }
}

}  // namespace
}  // namespace supernode
