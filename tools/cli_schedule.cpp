// supernode schedule: the passes of a pipeline schedule in time, under the assumptions of its paper (every stage alike,
// no communication), with its bubble and the activations it holds.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "scenarios/provenance.hpp"
#include "scenarios/result_json.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/schedule_drawing.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"
#include "workloads/pipeline_order.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

// The plan that the options describe, as one would write it in a scenario, so that the same checks hold for it.
std::string plan_text(const ScheduleCommand& command) {
  const std::string chunks = command.chunks > 0 ? fmt::format("virtual_stages: {}\n", command.chunks) : "";
  return fmt::format("schedule: {}\npipeline_parallel: {}\n{}global_batch: {}\nsequence_length: 1\n", command.schedule,
                     command.stages, chunks, command.microbatches);
}

// Only the number of layers matters to a schedule's checks: one a piece.
ModelSpec model_for(const PlanSpec& plan) {
  ModelSpec model;
  model.layers = chain_length(plan);
  model.hidden = model.vocab = model.ffn = 1;
  model.attention.heads = model.attention.kv_heads = model.attention.head_dim = 1;
  return model;
}

std::optional<PlanSpec> plan_of_options(const ScheduleCommand& command, Diagnostics& diagnostics) {
  const auto file = std::make_shared<const SourceFile>(SourceFile{"the options as a plan", plan_text(command)});
  const YamlNode tree = parse_yaml(file, diagnostics);
  PlanSpec plan;
  SpecReader reader(tree, "plan", diagnostics);
  bind(plan, reader);
  check_plan(plan, model_for(plan), plan.pipeline_parallel, reader);
  if (command.times.pair > 0) {
    if (!can_pair(plan.schedule)) {
      reader.error("schedule", fmt::format("schedule {} has no pairs; 1f1b, interleaved, dualpipe and dualpipev have",
                                           to_string(plan.schedule)));
    }
    // Two ranks of a stage that exchange tokens, which is what pairing hides.
    plan.overlap.expert = true;
    plan.expert_parallel = plan.data_parallel = 2;
    plan.global_batch *= 2;
  }
  reader.finish();
  return diagnostics.has_errors() ? std::nullopt : std::optional(plan);
}

std::optional<PlanSpec> plan_of(const ScheduleCommand& command, Diagnostics& diagnostics) {
  if (command.scenario.empty()) return plan_of_options(command, diagnostics);
  const auto scenario = load_scenario(command.scenario, command.overrides, diagnostics);
  if (!scenario) return std::nullopt;
  return scenario->spec.training().plan;
}

std::string title(const PlanSpec& plan) {
  const std::string chunks = plan.virtual_stages > 1 ? fmt::format(" of {} chunks", plan.virtual_stages) : "";
  const std::string chains = chain_count(plan) > 1 ? ", half of them each way" : "";
  return fmt::format("{}: {} stages{}, {} micro-batches{}", to_string(plan.schedule), plan.pipeline_parallel, chunks,
                     plan.microbatches(), chains);
}

std::string stages_text(const ScheduleTimeline& timeline) {
  Table table({"stage", "busy", "waits between passes", "bubble", "most passes in flight"});
  for (std::size_t s = 0; s < timeline.stages.size(); ++s) {
    const StageTimeline& stage = timeline.stages[s];
    table.add({std::to_string(s), fmt::format("{:.4g}", stage.busy), fmt::format("{:.4g}", stage.waiting),
               fmt::format("{:.4g}", timeline.bubble(static_cast<std::int64_t>(s))),
               std::to_string(stage.peak_in_flight)});
  }
  return table.render();
}

std::string report(const ScheduleCommand& command, const PlanSpec& plan, const ScheduleTimeline& timeline) {
  const DrawingOptions drawing{.width = 80, .windows = command.all ? 0 : 12};
  return fmt::format(
      "{}\n\n{}\n{}\nlength {:.4g}, bubble {} of it\n"
      "checked: each pass runs once, after what it needs; no stage waits for ever\n",
      stdout_style().title(title(plan)), draw_schedule(timeline, plan.virtual_stages, drawing), stages_text(timeline),
      timeline.length, percent_text(timeline.bubble_share()));
}

Json stage_json(const ScheduleTimeline& timeline, std::size_t index) {
  const StageTimeline& stage = timeline.stages[index];
  Json passes = Json::array();
  for (const TimelineSlot& pass : stage.slots) {
    passes.push_back({{"pass", to_string(pass.slot.kind)},
                      {"microbatch", pass.slot.microbatch},
                      {"chunk", pass.slot.chunk},
                      {"start", pass.start},
                      {"end", pass.end},
                      {"with_next", pass.slot.with_next}});
  }
  return {{"busy", stage.busy},
          {"waiting", stage.waiting},
          {"bubble", timeline.bubble(static_cast<std::int64_t>(index))},
          {"peak_in_flight", stage.peak_in_flight},
          {"passes", std::move(passes)}};
}

// Times are in the unit of the pass times given, so their keys name none.
Json json(const ScheduleCommand& command, const PlanSpec& plan, const ScheduleTimeline& timeline) {
  Json stages = Json::array();
  for (std::size_t s = 0; s < timeline.stages.size(); ++s) stages.push_back(stage_json(timeline, s));
  return {{"version", program_version()},
          {"schedule", to_string(plan.schedule)},
          {"chunks", plan.virtual_stages},
          {"microbatches", plan.microbatches()},
          {"chains", chain_count(plan)},
          {"forward", command.times.forward},
          {"backward_input", command.times.backward_input},
          {"backward_weight", command.times.backward_weight},
          {"pair", command.times.of_pair()},
          {"length", timeline.length},
          {"bubble_share", timeline.bubble_share()},
          {"checked", true},
          {"stages", std::move(stages)}};
}

}  // namespace

int schedule_command(const ScheduleCommand& command) {
  Diagnostics diagnostics;
  const auto plan = plan_of(command, diagnostics);
  print_message(diagnostics.render());
  if (!plan) return kBadInput;
  const auto orders = pipeline_order(*plan);
  if (const auto problem = check_order(orders, *plan)) {
    print_message(fmt::format("error: the order of {} is wrong: {}\n", to_string(plan->schedule), *problem));
    return kFailed;
  }
  const ScheduleTimeline timeline = run_schedule(orders, *plan, command.times);
  print_result(command.json ? to_text(json(command, *plan, timeline)) : report(command, *plan, timeline));
  return kDone;
}

}  // namespace supernode
