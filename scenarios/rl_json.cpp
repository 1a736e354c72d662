#include "scenarios/rl_json.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json phase_json(const RlPhase& phase, const RlResult& result) {
  Json json = {{"name", phase.name},
               {"chips", phase.on_rollout_chips ? "rollout" : "training"},
               {"time_s", phase.time.value()},
               {"share_of_step", phase.time / result.step_time}};
  if (phase.tokens > 0 && phase.time.value() > 0) json["tokens_per_s"] = phase.tokens / phase.time.value();
  return json;
}

Json rollout_json(const RolloutReport& r) {
  return {{"samples", r.samples},
          {"samples_finished", r.finished},
          {"decode_steps", r.steps},
          {"first_decode_step_s", r.first_step.value()},
          {"prefill_s", r.prefill.value()},
          {"tail_s", r.tail.value()},
          {"mean_batch", r.mean_batch},
          {"cache_tokens_of_a_replica", r.capacity_tokens},
          {"sequences_preempted", r.preempted},
          {"weights_bytes", r.weights.value()}};
}

}  // namespace

Json rl_json(const RlResult& result, double chips) {
  Json json = {{"step_time_s", result.step_time.value()},
               {"rollout_time_s", result.rollout_time.value()},
               {"training_time_s", result.training_time.value()},
               {"samples_per_step", result.samples},
               {"tokens_per_step", result.tokens},
               {"training_steps", result.training_steps},
               {"samples_per_s", result.samples / result.step_time.value()},
               {"tokens_per_s", result.tokens / result.step_time.value()},
               {"tokens_per_s_chip", result.tokens / result.step_time.value() / chips}};
  json["phases"] = Json::array();
  for (const RlPhase& phase : result.phases) json["phases"].push_back(phase_json(phase, result));
  json["rollout"] = rollout_json(result.rollout);
  return json;
}

Json projection_json(const Projection& p) {
  Json json = {{"steps", p.steps},
               {"tokens", p.tokens},
               {"samples", p.samples},
               {"stepping_s", p.stepping.value()},
               {"time_s", p.time.value()},
               {"days", p.days()},
               {"interruptions", p.interruptions},
               {"effective_share", p.effective},
               {"chip_hours", p.chip_hours}};
  if (p.megawatt_hours > 0) json["energy_mwh"] = p.megawatt_hours;
  return json;
}

}  // namespace supernode
