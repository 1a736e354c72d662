// Rates, utilisations and breakdowns by hand algebra, from a simulation result written by hand.
#include "scenarios/outcome.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "scenarios/comparison.hpp"
#include "scenarios/result_json.hpp"

namespace supernode {
namespace {

// Four chips of two dies, 100 TFLOPS bf16 each; two stages; step 2 s; 8000 tokens; 400 TFLOP of model work.
Scenario hand_scenario() {
  Scenario scenario;
  scenario.spec.name = "by-hand";
  SimulationInput& input = scenario.spec.input;
  input.chips = 4;
  input.chip.dies = 2;
  input.chip.devices_per_chip = 2;
  input.chip.peak[Precision::kBf16].value = FlopsPerSecond(100e12);
  input.system.devices_per_chip = 2;
  input.system.chips_per_node = 8;
  input.system.nodes_per_supernode = 2;
  input.plan.data_parallel = 4;
  input.plan.pipeline_parallel = 2;
  input.plan.global_batch = 8;
  input.plan.sequence_length = 1000;
  return scenario;
}

MemoryReport hand_memory() {
  MemoryReport memory;
  memory.stages.resize(2);
  return memory;
}

SimulationResult hand_result() {
  SimulationResult result;
  result.step.step_time = Seconds(2.0);
  result.step.stages.resize(2);
  StageTime& first = result.step.stages[0];
  first.compute[0] = Seconds(1.0);
  first.exposed[0] = Seconds(0.5);
  first.bubble = Seconds(0.5);
  StageTime& second = result.step.stages[1];
  second.compute[0] = Seconds(0.6);
  second.compute[1] = Seconds(0.8);
  second.slowdown = Seconds(0.1);
  second.host = Seconds(0.08);
  second.stragglers = Seconds(0.02);
  second.idle_end = Seconds(0.4);
  second.recompute = Seconds(0.3);
  second.hidden[1] = Seconds(0.7);
  result.deviation = Seconds(0.1);
  result.low = Seconds(1.8);
  result.high = Seconds(2.3);
  result.model_flops = Flops(400e12);
  result.hardware_flops = Flops(500e12);
  result.tokens = 8000;
  result.compute_bound = Seconds(1.25);
  result.assumptions = {"assumed"};
  return result;
}

TEST(Outcome, RatesPerChipDieRankAndSupernode) {
  const Outcome o = make_outcome(hand_scenario(), hand_memory(), hand_result());
  EXPECT_DOUBLE_EQ(o.tokens_per_s.total, 4000);          // 8000 / 2 s
  EXPECT_DOUBLE_EQ(o.tokens_per_s.per_chip, 1000);       // / 4
  EXPECT_DOUBLE_EQ(o.tokens_per_s.per_die, 500);         // / 8
  EXPECT_DOUBLE_EQ(o.tokens_per_s.per_rank, 500);        // / 8
  EXPECT_DOUBLE_EQ(o.tokens_per_s.per_supernode, 16e3);  // 1000 × 16 chips
  EXPECT_DOUBLE_EQ(o.size.supernodes(), 0.25);
}

TEST(Outcome, UtilisationRefersToTheDensePeakOfAllChips) {
  const Outcome o = make_outcome(hand_scenario(), hand_memory(), hand_result());
  EXPECT_DOUBLE_EQ(o.bf16.peak_chip.value(), 100e12);
  EXPECT_DOUBLE_EQ(o.bf16.mfu, 0.5);                    // 400 / (100 × 4 chips × 2 s)
  EXPECT_DOUBLE_EQ(o.bf16.hfu, 0.625);                  // 500 / 800
  EXPECT_DOUBLE_EQ(o.model_flops_chip.value(), 50e12);  // 400 / 2 s / 4
}

TEST(Outcome, BreakdownIsTheMeanOverStagesAndSumsToTheStep) {
  const Outcome o = make_outcome(hand_scenario(), hand_memory(), hand_result());
  EXPECT_DOUBLE_EQ(o.breakdown.compute[0].value(), 0.8);  // (1.0 + 0.6) / 2
  EXPECT_DOUBLE_EQ(o.breakdown.compute[1].value(), 0.4);
  EXPECT_DOUBLE_EQ(o.breakdown.hidden[1].value(), 0.35);
  EXPECT_DOUBLE_EQ(o.breakdown.recompute.value(), 0.15);
  EXPECT_DOUBLE_EQ(o.breakdown.sum().value(), 2.0);
  double sum = 0;
  for (const BreakdownPart& part : parts(o.breakdown)) sum += part.time.value();
  EXPECT_DOUBLE_EQ(sum, 2.0);
}

TEST(OutcomeJson, KeysCarryUnitsAndValuesAreSi) {
  const auto json = outcome_json(make_outcome(hand_scenario(), hand_memory(), hand_result()));
  EXPECT_DOUBLE_EQ(json["step_time_s"], 2.0);
  EXPECT_DOUBLE_EQ(json["tokens_per_s_chip"], 1000.0);
  EXPECT_DOUBLE_EQ(json["utilisation_of_bf16_peak"]["mfu"], 0.5);
  EXPECT_DOUBLE_EQ(json["breakdown"]["pipeline_bubble_s"], 0.25);
  EXPECT_DOUBLE_EQ(json["breakdown"]["waiting_for_host_s"], 0.04);
  EXPECT_DOUBLE_EQ(json["breakdown"]["stragglers_s"], 0.01);
  EXPECT_DOUBLE_EQ(json["step_time_deviation_s"], 0.1);
  EXPECT_DOUBLE_EQ(json["step_time_interval_90_s"][0], 1.8);
  EXPECT_DOUBLE_EQ(json["step_time_interval_90_s"][1], 2.3);
  EXPECT_EQ(json["assumptions"][0], "assumed");
  EXPECT_FALSE(json.contains("published"));
}

TEST(Comparison, RatiosAreTheFirstOverEach) {
  Scenario other = hand_scenario();
  other.spec.name = "other";
  other.spec.input.chips = 8;
  SimulationResult slower = hand_result();
  slower.tokens = 4000;
  const Comparison c = compare({make_outcome(hand_scenario(), hand_memory(), hand_result()),
                                make_outcome(other, hand_memory(), std::move(slower))});
  ASSERT_EQ(c.names, (std::vector<std::string>{"by-hand", "other"}));
  EXPECT_EQ(c.equal_chips, 4);
  for (const ComparisonRow& row : c.rows) {
    EXPECT_DOUBLE_EQ(row.ratios[0], 1.0) << row.name;
    // 1000 against 4000 / 2 s / 8 chips = 250 tokens/s a chip.
    if (row.name == "tokens_per_s_chip" || row.name == "tokens_per_s_at_equal_chips") {
      EXPECT_DOUBLE_EQ(row.ratios[1], 4.0) << row.name;
    }
    if (row.name == "tokens_per_s") {
      EXPECT_DOUBLE_EQ(row.ratios[1], 2.0);
    }
    if (row.name == "tokens_per_s_at_equal_chips") {
      EXPECT_DOUBLE_EQ(row.values[1], 1000.0);
    }
  }
  EXPECT_EQ(c.notes, (std::vector<std::string>{"model FLOPs a token differs: 50.0 GFLOP, 100.0 GFLOP",
                                               "the number of chips differs: 4, 8"}));
}

TEST(Comparison, PartsAddUpToTheInverseRatePerChip) {
  SimulationResult slower = hand_result();
  slower.tokens = 4000;
  const std::vector<Outcome> outcomes = {make_outcome(hand_scenario(), hand_memory(), hand_result()),
                                         make_outcome(hand_scenario(), hand_memory(), std::move(slower))};
  const Comparison c = compare(outcomes);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    double sum = 0;
    for (const GapPart& part : c.parts) sum += part.chip_seconds_per_token[i];
    EXPECT_NEAR(sum * outcomes[i].tokens_per_s.per_chip, 1.0, 1e-12);
  }
}

}  // namespace
}  // namespace supernode
