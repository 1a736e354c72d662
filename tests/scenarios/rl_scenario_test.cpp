// Scenarios with reinforcement learning and run projections, from YAML to results.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/outcome.hpp"
#include "scenarios/result_json.hpp"
#include "scenarios/rollout_rows.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using namespace testing;
using ::testing::HasSubstr;

// Samples of 100 + 412 tokens, all equal, packed into the plan's sequences of 4096: 128 samples are its batch of 16.
const std::string kRl = kSmallScenario + R"(rl:
  prompts: 32
  samples: 4
  prompt_length: 100
  response_length: {mean: 412, sigma: 0}
  rollout: {tensor_parallel: 2, max_batch: 64}
)";

Outcome run(const std::string& text) {
  const Loaded loaded = load_text(text);
  if (!loaded.scenario) throw std::runtime_error(loaded.messages());
  return run_scenario(*loaded.scenario);
}

Seconds phase(const RlResult& rl, const std::string& name) {
  for (const RlPhase& each : rl.phases)
    if (each.name == name) return each.time;
  return Seconds(-1);
}

TEST(RlScenario, PhasesAddUpToTheStep) {
  const Outcome o = run(kRl);
  ASSERT_TRUE(o.rl);
  Seconds sum{};
  for (const RlPhase& each : o.rl->phases) sum += each.time;
  EXPECT_NEAR(sum.value(), o.rl->step_time.value(), 1e-9);
  EXPECT_DOUBLE_EQ(o.rl->samples, 128);
  EXPECT_DOUBLE_EQ(o.rl->tokens, 128 * 512);
  EXPECT_DOUBLE_EQ(o.rl->training_steps, 1);  // 128 · 512 = 16 · 4096
  EXPECT_DOUBLE_EQ(phase(*o.rl, "update").value(), o.step_time.value());
  EXPECT_DOUBLE_EQ(phase(*o.rl, "reference").value(), phase(*o.rl, "old_log_prob").value());
  EXPECT_LT(phase(*o.rl, "reference"), phase(*o.rl, "update") / 2);
  EXPECT_DOUBLE_EQ(o.rl->rollout.steps, 412);
  EXPECT_DOUBLE_EQ(o.rl->rollout.mean_batch, 16);  // 128 over 8 replicas
}

TEST(RlScenario, AlgorithmsDifferInTheirPasses) {
  const Outcome ppo = run(replaced(kRl, "  prompts: 32", "  algorithm: ppo\n  prompts: 32"));
  EXPECT_GT(phase(*ppo.rl, "critic_values").value(), 0);
  EXPECT_DOUBLE_EQ(phase(*ppo.rl, "critic_update").value(), phase(*ppo.rl, "update").value());
  const Outcome dapo = run(replaced(kRl, "  prompts: 32", "  algorithm: dapo\n  kept: 0.5\n  prompts: 32"));
  EXPECT_EQ(phase(*dapo.rl, "reference").value(), -1);
  EXPECT_DOUBLE_EQ(dapo.rl->rollout.samples, 256);  // half of them is thrown away
}

TEST(RlScenario, ALongTailMakesTheRolloutSlower) {
  const Outcome even = run(kRl);
  const Outcome tailed = run(replaced(kRl, "sigma: 0}", "sigma: 0.8}"));
  EXPECT_GT(tailed.rl->rollout_time, even.rl->rollout_time * 1.5);
  const Outcome partial = run(replaced(kRl, "sigma: 0}", "sigma: 0.8}") + "  placement: {finished_share: 0.8}\n");
  EXPECT_LT(partial.rl->rollout_time, tailed.rl->rollout_time);
}

TEST(RlScenario, RolloutChipsStandBesideTrainingChips) {
  std::string text = replaced(kRl, "chips: 16", "chips: 32");
  text += "  placement: {kind: disaggregated, rollout_chips: 16, staleness: ";
  const Outcome synchronous = run(text + "0}\n");
  const Outcome beside = run(text + "1}\n");
  EXPECT_EQ(synchronous.size.chips, 16);
  const Seconds sum = synchronous.rl->rollout_time + synchronous.rl->training_time;
  EXPECT_NEAR((sum - phase(*synchronous.rl, "reshard")).value(), synchronous.rl->step_time.value(), 1e-9);
  EXPECT_NEAR(beside.rl->step_time.value(), max(beside.rl->rollout_time, beside.rl->training_time).value(), 1e-9);
}

TEST(RlScenario, JsonHasPhasesAndTheRun) {
  const auto json = outcome_json(run(kRl + "run: {samples: 12800}\n"));
  EXPECT_EQ(json["rl"]["phases"][0]["name"], "rollout");
  EXPECT_DOUBLE_EQ(json["run"]["steps"].get<double>(), 100);
  EXPECT_GT(json["run"]["days"].get<double>(), 0);
}

TEST(RlScenario, TheSameTwice) {
  const std::string text = replaced(kRl, "sigma: 0}", "sigma: 0.8}");
  EXPECT_EQ(to_text(outcome_json(run(text))["rl"]), to_text(outcome_json(run(text))["rl"]));
}

TEST(RlScenario, BadLayoutsAreRefused) {
  const auto messages = [](const std::string& text) {
    const Loaded loaded = load_text(text);
    EXPECT_FALSE(loaded.scenario);
    return loaded.messages();
  };
  EXPECT_THAT(messages(replaced(kRl, "tensor_parallel: 2, max", "tensor_parallel: 3, max")),
              HasSubstr("16 rollout ranks are not divisible by 3"));
  EXPECT_THAT(messages(replaced(kRl, "tensor_parallel: 2, max", "expert_parallel: 8, max")),
              HasSubstr("the model has no experts"));
  EXPECT_THAT(messages(kRl + "  placement: {kind: disaggregated}\n"), HasSubstr("needs them"));
  EXPECT_THAT(messages(kRl + "  placement: {staleness: 2}\n"), HasSubstr("always synchronous"));
  EXPECT_THAT(messages(kRl + "run: {}\n"), HasSubstr("one of tokens, steps and samples"));
}

TEST(RlScenario, ARolloutThatDoesNotFitSaysWhy) {
  const Loaded loaded = load_text(replaced(kRl, "max_batch: 64", "max_batch: 64, memory_share: 0.05"));
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const Outcome o = run_scenario(*loaded.scenario);
  EXPECT_FALSE(o.simulated);
  EXPECT_FALSE(o.memory.fits);
  EXPECT_THAT(o.memory.remedies.front(), HasSubstr("rollout:"));
}

// A table with a decode row (batch and time per token given), a prefill row and one of an unknown model.
TEST(RolloutRows, AreReadAndPredicted) {
  const SourceFile file{"rates.csv",
                        "id,source,system,chip,chips,model,precision,phase,parallel,batch_per_chip_or_global,"
                        "prompt_or_kv_len,output_len,tpot_ms,tokens_s_chip,notes\n"
                        "a,x,y,H100,8,llama-3.1-8b,FP8,decode,,32 per GPU,2048,256,,1000,\"MTP1, accept 0.5\"\n"
                        "b,x,y,H100,8,Llama-3.1-8B,,prefill,,,2048,,,10000,\n"
                        "c,x,y,H100,8,nothing,FP8,decode,,,,,,1,\n"};
  Diagnostics diagnostics;
  const auto rows = read_rollout_rows(file, diagnostics);
  ASSERT_TRUE(rows) << diagnostics.render();
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_DOUBLE_EQ((*rows)[0].batch_chip, 32);
  EXPECT_DOUBLE_EQ((*rows)[0].plan.speculative.acceptance, 0.5);
  EXPECT_EQ((*rows)[0].plan.weight, Precision::kFp8Block);
  EXPECT_THAT((*rows)[2].problem, HasSubstr("not in the catalogue"));
  const RolloutPrediction decode = predict_rollout_row((*rows)[0]);
  EXPECT_DOUBLE_EQ(decode.tokens_s_chip, 32 / decode.tpot_s);
  EXPECT_DOUBLE_EQ(decode.tpot_s, decode.step.value() / 1.5);
  EXPECT_DOUBLE_EQ(*decode.error(), decode.tokens_s_chip / 1000 - 1);
  const RolloutPrediction prefill = predict_rollout_row((*rows)[1]);
  EXPECT_NEAR(prefill.tokens_s_chip, 16384 / prefill.step.value(), 1e-6);
  EXPECT_FALSE(predict_rollout_row((*rows)[2]).error());
}

}  // namespace
}  // namespace supernode
