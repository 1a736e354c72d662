#include "scenarios/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/catalogue_specs.hpp"

namespace supernode {

namespace {

void bind(PublishedResult& published, SpecReader& r) {
  r.quantity({"step_time", "measured time of one step"}, published.step_time, true);
  r.number({"tokens_per_s_chip", "measured tokens per second and chip"}, published.tokens_per_s_chip, {.min = 0});
  r.quantity({"model_flops_chip", "published model FLOP/s per chip"}, published.model_flops_chip);
  r.number({"mfu", "published model FLOPs utilisation, a fraction of the dense bf16 peak"}, published.mfu,
           {.min = 0, .max = 2});
  r.text({"source", "where it was published", kRequired}, published.source);
}

void bind_system(SimulationInput& input, SpecReader& r) {
  r.integer({"chips", "how many chips (packages) the job runs on; default: one supernode"}, input.chips,
            {.min = 1, .max = 1 << 20});
  bind(input.system, r);
  if (!r.has("chips")) input.chips = input.system.chips_per_supernode();
}

void bind_chip(SimulationInput& input, SpecReader& r) {
  bind(input.chip, r);
  if (r.documenting() || input.chip.devices_per_chip == input.system.devices_per_chip) return;
  r.error("devices_per_chip", fmt::format("the chip hosts {} ranks, but the system's fabric has {} devices per chip",
                                          input.chip.devices_per_chip, input.system.devices_per_chip));
}

// Reads one section and says whether it came out whole.
template <class Read>
bool read_section(SpecReader& r, Field field, const std::set<std::string>& broken, Read read) {
  if (broken.contains(std::string(field.key))) {
    field.presence = kOptional;
    r.object(field, [](SpecReader&) {});
    return false;
  }
  if (r.documenting()) return r.object(field, read);
  const int errors = r.diagnostics().error_count();
  return r.object(field, read) && r.diagnostics().error_count() == errors;
}

std::optional<ModelSpec> named_model(const std::string& name, SpecReader& r, std::string_view key) {
  if (name.empty() || r.documenting()) return std::nullopt;
  Diagnostics problems;
  auto model = load_model(name, problems);
  if (!model) r.error(key, fmt::format("no model '{}' in the catalogue", name));
  return model;
}

std::int64_t rollout_chips(const ScenarioSpec& scenario) {
  return scenario.rl ? scenario.rl->spec.placement.rollout_chips : 0;
}

// The serving layout against the model and the chips it runs on.
void check_rollout(ScenarioSpec& scenario, SpecReader& r) {
  RlSpec& spec = scenario.rl->spec;
  const std::int64_t chips = scenario.input.chips, apart = spec.placement.rollout_chips;
  if (apart >= chips) {
    r.error("placement", fmt::format("{} rollout chips of {} leave none to train on", apart, chips));
    return;
  }
  const YamlNode* node = r.find("rollout");
  if (!node) return;
  SpecReader rollout(*node, "rl.rollout", r.diagnostics());
  check_inference_plan(spec.rollout, scenario.input.model,
                       (apart > 0 ? apart : chips) * scenario.input.system.devices_per_chip, rollout);
}

void bind_rl(ScenarioSpec& scenario, bool whole, SpecReader& r) {
  RlScenario& rl = scenario.rl.emplace();
  const int errors = r.documenting() ? 0 : r.diagnostics().error_count();
  bind(rl.spec, r);
  rl.reward_model = named_model(rl.spec.reward.model, r, "reward");
  rl.critic_model = named_model(rl.spec.critic.model, r, "critic");
  if (whole && !r.documenting() && r.diagnostics().error_count() == errors) check_rollout(scenario, r);
}

}  // namespace

// Samples joined to longer sequences attend to their own tokens only.
SimulationInput ScenarioSpec::training() const {
  SimulationInput training = input;
  if (!rl) return training;
  training.chips -= rollout_chips(*this);
  if (input.system.faults.any()) training.cluster_chips = input.chips;
  const RlSpec& spec = rl->spec;
  const auto sample = std::llround(spec.prompt_length + spec.response.mean);
  if (spec.packing && training.plan.document_length == 0 && sample < training.plan.sequence_length)
    training.plan.document_length = sample;
  return training;
}

void bind(ScenarioSpec& scenario, SpecReader& r, const std::set<std::string>& broken) {
  SimulationInput& input = scenario.input;
  r.text({"name", "of the scenario; default: its file's name"}, scenario.name);
  r.text({"description", "what it asks and what it approximates"}, scenario.description);
  const bool system =
      read_section(r, {"system", "the machine: a catalogue name, a file, or a map over a base", kRequired}, broken,
                   [&](SpecReader& s) { bind_system(input, s); });
  const bool chip = read_section(r, {"chip", "laid over the system's chip"}, broken, [&](SpecReader& s) {
    if (system || s.documenting())
      bind_chip(input, s);
    else
      bind(input.chip, s);
  });
  read_section(r, {"protocol", "laid over the communication library fitted for the system"}, broken,
               [&](SpecReader& s) { bind(input.protocol, s); });
  read_section(r, {"software", "laid over the training software fitted on published runs"}, broken,
               [&](SpecReader& s) { bind(input.software, s); });
  const bool model = read_section(r, {"model", "the network: a catalogue name, a file, or a map", kRequired}, broken,
                                  [&](SpecReader& s) { bind(input.model, s); });
  const bool described = system && chip && model;
  read_section(r, {"rl", "reinforcement learning around the training step: rollouts, scores, placement"}, broken,
               [&](SpecReader& s) { bind_rl(scenario, described, s); });
  read_section(r, {"plan", "how the model is laid out, and the batch", kRequired}, broken, [&](SpecReader& s) {
    const int errors = s.documenting() ? 0 : s.diagnostics().error_count();
    bind(input.plan, s);
    if (s.documenting() || !described || s.diagnostics().error_count() > errors) return;
    const std::int64_t chips = std::max<std::int64_t>(1, input.chips - rollout_chips(scenario));
    check_plan(input.plan, input.model, chips * input.system.devices_per_chip, s);
  });
  read_section(r, {"run", "the whole run: tokens, steps or samples to days"}, broken,
               [&](SpecReader& s) { bind(scenario.run, s); });
  read_section(r, {"options", "how to run; no effect on results"}, broken, [&](SpecReader& s) {
    s.integer({"workers", "child processes at once"}, scenario.options.workers, {.min = 1, .max = 1024});
  });
  read_section(r, {"published", "what was measured; printed beside the result, never used by a model"}, broken,
               [&](SpecReader& s) { bind(scenario.published, s); });
}

}  // namespace supernode
