// supernode rollout: serving rates. Of a table of published rates: each row's prediction beside it. Of a scenario with
// an `rl` section: one decode step and one prefill of its rollout layout, operation by operation.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "scenarios/result_json.hpp"
#include "scenarios/rollout_rows.hpp"
#include "sim/inference_cost.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/output_folder.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return value > 0 ? Json(value) : Json(nullptr); }

Json prediction_json(const RolloutPrediction& p) {
  const RolloutRow& row = p.row;
  Json json = {{"id", row.id}, {"phase", to_string(row.phase)}};
  if (!row.problem.empty()) {
    json["problem"] = row.problem;
    return json;
  }
  json["system"] = row.system;
  json["model"] = row.model;
  json["tensor_parallel"] = p.tensor_parallel;
  json["expert_parallel"] = row.plan.expert_parallel;
  json["batch_chip"] = number_or_null(p.batch_chip);
  json["pass_s"] = p.step.value();
  json["tpot_s"] = number_or_null(p.tpot_s);
  json["tokens_per_s_chip"] = p.tokens_s_chip;
  json["published_tpot_s"] = number_or_null(row.published_tpot_s);
  json["published_tokens_per_s_chip"] = number_or_null(row.published_tokens_s_chip);
  const auto error = p.error();
  json["error"] = error ? Json(*error) : Json(nullptr);
  json["assumed"] = row.assumed;
  return json;
}

std::string predictions_json(const std::vector<RolloutPrediction>& predictions) {
  const auto median = median_error(predictions);
  Json json = {{"median_abs_error", median ? Json(*median) : Json(nullptr)}, {"rows", Json::array()}};
  for (const RolloutPrediction& p : predictions) json["rows"].push_back(prediction_json(p));
  return to_text(json);
}

std::string predictions_table(const std::vector<RolloutPrediction>& predictions) {
  Table table({"row", "phase", "batch a chip", "time a token", "published", "tokens/s a chip", "published", "error"});
  const auto milliseconds = [](double s) { return s > 0 ? fmt::format("{:.1f} ms", s * 1e3) : std::string(); };
  const auto rate = [](double r) { return r > 0 ? fmt::format("{:.0f}", r) : std::string(); };
  std::string skipped;
  for (const RolloutPrediction& p : predictions) {
    if (!p.row.problem.empty()) {
      skipped += fmt::format("  {}: {}\n", p.row.id, p.row.problem);
      continue;
    }
    const auto error = p.error();
    table.add({p.row.id, std::string(to_string(p.row.phase)),
               p.batch_chip > 0 ? fmt::format("{:.1f}", p.batch_chip) : "", milliseconds(p.tpot_s),
               milliseconds(p.row.published_tpot_s), rate(p.tokens_s_chip), rate(p.row.published_tokens_s_chip),
               error ? fmt::format("{:+.1f} %", *error * 100) : ""});
  }
  std::string out = table.render();
  if (const auto median = median_error(predictions)) out += fmt::format("  median error {}\n", percent_text(*median));
  return out + skipped;
}

int score_table(const RolloutCommand& command) {
  std::ifstream stream(command.input, std::ios::binary);
  const SourceFile file{command.input, {std::istreambuf_iterator<char>(stream), {}}};
  Diagnostics diagnostics;
  const auto rows = read_rollout_rows(file, diagnostics);
  print_message(diagnostics.render());
  if (!rows || diagnostics.has_errors()) return kBadInput;
  std::vector<RolloutPrediction> predictions;
  for (const RolloutRow& row : *rows) {
    print_progress(fmt::format("predicting {} …\n", row.id));
    predictions.push_back(predict_rollout_row(row));
  }
  print_result(command.json ? predictions_json(predictions) : predictions_table(predictions));
  return kDone;
}

// One pass of a scenario's rollout.
struct Look {
  std::string name;
  InferencePass pass;
  PassTime time;
  std::map<std::string, Seconds> operations;
};

std::vector<Look> look_inside(const ScenarioSpec& spec) {
  const RlSpec& rl = spec.rl->spec;
  const InferencePlan& plan = rl.rollout;
  const Fabric fabric = build_fabric(spec.input.system, spec.input.chips);
  CollectiveCostModel collectives(fabric, spec.input.protocol);
  InferenceSite site{.placement = Placement(spec.input.system, spec.input.chips)};
  site.slowdown = slowdown_of(spec.input.system, site.placement, 0, plan.instance_ranks());
  InferenceCostModel cost(spec.input.model, plan, spec.input.chip, fabric, collectives, site);
  const double even = rl.sampled() / static_cast<double>(plan.data_parallel);
  const auto batch = std::clamp<std::int64_t>(std::llround(even), 1, plan.max_batch);
  const auto prompt = std::max<std::int64_t>(1, std::llround(rl.prompt_length));
  const auto prompts = std::max<std::int64_t>(1, std::min(batch, plan.prefill_tokens / prompt));
  std::vector<Look> looks(2);
  looks[0].name = "decode step";
  looks[0].pass = {batch, 1 + plan.speculative.tokens, rl.prompt_length + rl.response.mean / 2, false};
  looks[1].name = "prefill";
  looks[1].pass = {prompts, prompt, 0, true};
  for (Look& look : looks) {
    look.time = cost.pass_time(look.pass);
    look.operations = cost.operations(look.pass);
  }
  return looks;
}

std::string looks_json(const std::vector<Look>& looks) {
  Json json = Json::array();
  for (const Look& look : looks) {
    Json one = {{"pass", look.name},
                {"sequences", look.pass.sequences},
                {"new_tokens", look.pass.new_tokens},
                {"context_tokens", look.pass.context},
                {"time_s", look.time.total().value()},
                {"compute_s", look.time.compute.value()},
                {"exposed_exchange_s", look.time.exchange.value()},
                {"host_s", look.time.host.value()}};
    for (const auto& [name, time] : look.operations) one["operations"][name + "_s"] = time.value();
    json.push_back(one);
  }
  return to_text(json);
}

std::string looks_text(const std::vector<Look>& looks, const Style& style) {
  std::string out;
  for (const Look& look : looks) {
    out += fmt::format("{}: {} sequences of {} new tokens behind {:.0f} on a replica\n", style.title(look.name),
                       look.pass.sequences, look.pass.new_tokens, look.pass.context);
    Table table;
    table.add({"time", time_text(look.time.total())});
    table.add({"computation", time_text(look.time.compute)});
    table.add({"exposed exchanges", time_text(look.time.exchange)});
    table.add({"host", time_text(look.time.host)});
    for (const auto& [name, time] : look.operations) table.add({"  " + name, time_text(time)});
    out += table.render() + '\n';
  }
  return out;
}

int look_at_scenario(const RolloutCommand& command) {
  Diagnostics diagnostics;
  const auto scenario = load_scenario(command.input, command.overrides, diagnostics);
  print_message(diagnostics.render());
  if (!scenario) return kBadInput;
  if (!scenario->spec.rl) {
    print_message(fmt::format("{}: no `rl` section, so no rollout\n", command.input));
    return kBadInput;
  }
  const std::vector<Look> looks = look_inside(scenario->spec);
  print_result(command.json ? looks_json(looks) : looks_text(looks, stdout_style()));
  return kDone;
}

}  // namespace

int rollout_command(const RolloutCommand& command) {
  return command.input.ends_with(".csv") ? score_table(command) : look_at_scenario(command);
}

}  // namespace supernode
