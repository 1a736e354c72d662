#include "scenarios/result_json.hpp"

#include <fmt/format.h>

#include "scenarios/rl_json.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json system_json(const Outcome& outcome) {
  const SystemSpec& system = outcome.scenario.input.system;
  return {{"name", system.name},
          {"chip", outcome.scenario.input.chip.name},
          {"chips", outcome.size.chips},
          {"dies", outcome.size.dies},
          {"ranks", outcome.size.ranks},
          {"chips_per_supernode", outcome.size.chips_per_supernode},
          {"supernodes", outcome.size.supernodes()}};
}

Json plan_json(const PlanSpec& plan) {
  return {{"tensor_parallel", plan.tensor_parallel},     {"pipeline_parallel", plan.pipeline_parallel},
          {"virtual_stages", plan.virtual_stages},       {"expert_parallel", plan.expert_parallel},
          {"data_parallel", plan.data_parallel},         {"zero_stage", plan.zero_stage},
          {"schedule", to_string(plan.schedule)},        {"recompute", to_string(plan.recompute)},
          {"micro_batch_sequences", plan.micro_batch},   {"global_batch_sequences", plan.global_batch},
          {"microbatches", plan.microbatches()},         {"sequence_length_tokens", plan.sequence_length},
          {"compute_precision", to_string(plan.compute)}};
}

Json utilisation_json(const Utilisation& u) {
  return {{"peak_precision", to_string(u.precision)},
          {"peak_flops_per_s_chip", u.peak_chip.value()},
          {"mfu", u.mfu},
          {"hfu", u.hfu}};
}

Json breakdown_json(const StepBreakdown& breakdown) {
  Json json;
  for (const BreakdownPart& part : parts(breakdown)) json[part.name + "_s"] = part.time.value();
  return json;
}

Json hidden_json(const StepBreakdown& breakdown) {
  Json json;
  for (int c = 0; c < kCommClasses; ++c) {
    json[fmt::format("{}_s", to_string(static_cast<CommClass>(c)))] = breakdown.hidden[c].value();
  }
  return json;
}

Json stage_memory_json(const StageMemory& stage) {
  return {{"weights_bytes", stage.weights.value()},     {"gradients_bytes", stage.gradients.value()},
          {"optimizer_bytes", stage.optimizer.value()}, {"activations_bytes", stage.activations.value()},
          {"buffers_bytes", stage.buffers.value()},     {"framework_bytes", stage.framework.value()},
          {"total_bytes", stage.total().value()},       {"microbatches_in_flight", stage.microbatches_in_flight}};
}

Json collective_json(const CollectiveUse& use) {
  return {{"name", use.name},
          {"class", to_string(use.comm_class)},
          {"operation", to_string(use.call.op)},
          {"group_ranks", use.group_size},
          {"calls_per_step", use.calls},
          {"bytes", use.call.bytes.value()},
          {"time_s", use.cost.time.value()},
          {"latency_s", use.cost.latency.value()},
          {"port_bytes", use.cost.port_bytes.value()},
          {"port_bandwidth_bytes_per_s", use.cost.port_bandwidth.value()},
          {"plane", to_string(use.cost.plane)},
          {"algorithm", use.cost.algorithm},
          {"rounds", use.cost.rounds}};
}

Json published_json(const PublishedResult& published) {
  Json json;
  if (published.step_time.value() > 0) json["step_time_s"] = published.step_time.value();
  if (published.tokens_per_s_chip > 0) json["tokens_per_s_chip"] = published.tokens_per_s_chip;
  if (published.model_flops_chip.value() > 0) json["model_flops_per_s_chip"] = published.model_flops_chip.value();
  if (published.mfu > 0) json["mfu"] = published.mfu;
  json["source"] = published.source;
  return json;
}

void add_step(const Outcome& outcome, Json& json) {
  json["step_time_s"] = outcome.step_time.value();
  if (outcome.step_high.value() > 0) {
    json["step_time_deviation_s"] = outcome.step_deviation.value();
    json["step_time_interval_90_s"] = {outcome.step_low.value(), outcome.step_high.value()};
  }
  json["tokens_per_step"] = outcome.tokens;
  json["tokens_per_s"] = outcome.tokens_per_s.total;
  json["tokens_per_s_chip"] = outcome.tokens_per_s.per_chip;
  json["tokens_per_s_die"] = outcome.tokens_per_s.per_die;
  json["tokens_per_s_rank"] = outcome.tokens_per_s.per_rank;
  json["tokens_per_s_supernode"] = outcome.tokens_per_s.per_supernode;
  json["model_flops"] = outcome.model_flops.value();
  json["hardware_flops"] = outcome.hardware_flops.value();
  json["model_flops_per_s_chip"] = outcome.model_flops_chip.value();
  json["utilisation_of_bf16_peak"] = utilisation_json(outcome.bf16);
  json["utilisation_of_compute_peak"] = utilisation_json(outcome.compute);
  json["breakdown"] = breakdown_json(outcome.breakdown);
  json["recompute_s"] = outcome.breakdown.recompute.value();
  json["hidden_communication"] = hidden_json(outcome.breakdown);
  json["compute_bound_s"] = outcome.compute_bound.value();
  json["collectives"] = Json::array();
  for (const CollectiveUse& use : outcome.collectives) json["collectives"].push_back(collective_json(use));
  json["activities"] = outcome.activities;
}

// What was asked to be broken; what that comes to in links stands among the assumptions.
Json faults_json(const FaultSpec& faults) {
  Json json;
  for (const auto& [plane, down] : faults.planes) json["planes"][std::string(to_string(plane))] = down;
  for (const LinkFault& link : faults.links) json["links"].push_back({{"link", link.link}, {"share", link.share}});
  if (!faults.switches.empty()) json["switches"] = faults.switches;
  if (!faults.nics.empty()) json["nics"] = faults.nics;
  if (!faults.chips.empty()) json["chips"] = faults.chips;
  for (const SlowChip& slow : faults.slow_chips)
    json["slow_chips"].push_back({{"chip", slow.chip}, {"speed", slow.speed}});
  const RandomFaults& random = faults.random;
  json["random"] = {{"links", random.links}, {"optics", random.optics}, {"switches", random.switches},
                    {"nics", random.nics},   {"chips", random.chips},   {"seed", random.seed}};
  return json;
}

}  // namespace

Json memory_json(const MemoryReport& memory) {
  Json json = {{"capacity_bytes", memory.capacity.value()}, {"peak_stage", memory.peak_stage}};
  json["stages"] = Json::array();
  for (const StageMemory& stage : memory.stages) json["stages"].push_back(stage_memory_json(stage));
  json["remedies"] = memory.remedies;
  return json;
}

Json provenance_json(const Provenance& provenance) {
  Json json = {{"version", provenance.version}, {"git_description", provenance.git_description}};
  json["inputs"] = Json::array();
  for (const InputFile& file : provenance.inputs) {
    json["inputs"].push_back({{"name", file.name}, {"sha256", file.sha256}});
  }
  json["overrides"] = Json::array();
  for (const Override& each : provenance.overrides) {
    json["overrides"].push_back({{"path", each.path}, {"value", each.value}});
  }
  json["resolved_scenario"] = provenance.resolved_scenario;
  return json;
}

Json outcome_json(const Outcome& outcome) {
  Json json = {{"scenario", outcome.scenario.name}, {"description", outcome.scenario.description}};
  json["system"] = system_json(outcome);
  json["model"] = outcome.scenario.input.model.name;
  json["plan"] = plan_json(outcome.scenario.input.plan);
  const FaultSpec& faults = outcome.scenario.input.system.faults;
  if (faults.any()) json["faults"] = faults_json(faults);
  json["fits_memory"] = outcome.memory.fits;
  if (outcome.simulated) add_step(outcome, json);
  if (outcome.rl) {
    json["rl"] = rl_json(*outcome.rl, static_cast<double>(outcome.scenario.input.chips));
    const StepRange range = interval_90(outcome);
    json["rl"]["step_time_interval_90_s"] = {range.low.value(), range.high.value()};
  }
  if (outcome.projection) json["run"] = projection_json(*outcome.projection);
  json["memory"] = memory_json(outcome.memory);
  if (outcome.scenario.published.any()) json["published"] = published_json(outcome.scenario.published);
  json["assumptions"] = outcome.assumptions;
  json["provenance"] = provenance_json(outcome.provenance);
  return json;
}

std::string to_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace supernode
