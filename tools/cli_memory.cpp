// supernode memory: what one scenario needs and what would make it fit, or verdicts on a table of published runs.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "scenarios/csv_text.hpp"
#include "scenarios/import_memory.hpp"
#include "scenarios/outcome.hpp"
#include "sim/simulate.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json score_json(const MemoryScore& score) {
  return {{"rows", score.rows},
          {"judged", score.judged},
          {"agree", score.agree},
          {"share", score.share()},
          {"ran", score.ran},
          {"ran_and_fits", score.ran_and_fits},
          {"failed", score.failed},
          {"failed_and_does_not_fit", score.failed_and_does_not_fit},
          {"measured", score.measured},
          {"median_error", score.median_error},
          {"median_abs_error", score.median_abs_error}};
}

Json verdict_json(const MemoryVerdict& verdict) {
  Json json = {{"id", verdict.id}, {"model", verdict.model}};
  if (!verdict.problem.empty()) {
    json["problem"] = verdict.problem;
    return json;
  }
  json["peak_bytes"] = verdict.peak.value();
  json["need_bytes"] = verdict.need.value();
  json["capacity_bytes"] = verdict.capacity.value();
  json["fits"] = verdict.fits;
  json["ran"] = verdict.ran;
  json["measured_bytes"] = verdict.measured.value() > 0 ? Json(verdict.measured.value()) : Json(nullptr);
  return json;
}

std::map<std::string, std::vector<MemoryVerdict>> by_model(const std::vector<MemoryVerdict>& verdicts) {
  std::map<std::string, std::vector<MemoryVerdict>> groups;
  for (const MemoryVerdict& verdict : verdicts) groups[verdict.model].push_back(verdict);
  return groups;
}

std::string verdicts_json(const std::vector<MemoryVerdict>& verdicts) {
  Json json = score_json(score_memory(verdicts));
  Json& by = json["by"]["model"];
  for (const auto& [model, group] : by_model(verdicts)) by[model] = score_json(score_memory(group));
  json["rows"] = Json::array();
  for (const MemoryVerdict& verdict : verdicts) json["rows"].push_back(verdict_json(verdict));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string verdicts_csv(const std::vector<MemoryVerdict>& verdicts) {
  std::string out = "id,peak_bytes,need_bytes,capacity_bytes,fits,ran,measured_bytes,problem\n";
  for (const MemoryVerdict& v : verdicts) {
    const std::string measured = v.measured.value() > 0 ? fmt::format("{:.0f}", v.measured.value()) : "";
    out += fmt::format("{},{:.0f},{:.0f},{:.0f},{},{},{},{}\n", csv_cell(v.id), v.peak.value(), v.need.value(),
                       v.capacity.value(), v.fits, v.ran, measured, csv_cell(v.problem));
  }
  return out;
}

std::string verdict_text(const MemoryVerdict& verdict) {
  return fmt::format("{}{}", verdict.fits ? "fits" : "does not fit", verdict.agrees() ? "" : " (!)");
}

std::string verdicts_table(const std::vector<MemoryVerdict>& verdicts) {
  Table table({"run", "needs", "has", "verdict", "published", "measured", "predicted", "error"});
  table.align(3, Align::kLeft);
  table.align(4, Align::kLeft);
  for (const MemoryVerdict& v : verdicts) {
    if (!v.problem.empty()) {
      table.add({v.id, "-", "-", v.problem});
      continue;
    }
    const auto error = v.error();
    table.add({v.id, gib_text(v.need), gib_text(v.capacity), verdict_text(v), v.ran ? "ran" : "out of memory",
               v.measured.value() > 0 ? gib_text(v.measured) : "", error ? gib_text(v.peak) : "",
               error ? percent_text(*error) : ""});
  }
  return table.render();
}

std::string score_text(const MemoryScore& s) {
  std::string out =
      fmt::format("\n  {} of {} verdicts agree ({}): {} of {} that ran fit, {} of {} that failed do not\n", s.agree,
                  s.judged, percent_text(s.share()), s.ran_and_fits, s.ran, s.failed_and_does_not_fit, s.failed);
  if (s.judged < s.rows) out += fmt::format("  {} rows cannot be simulated\n", s.rows - s.judged);
  if (s.measured > 0) {
    out += fmt::format("  against {} measured peaks: median error {}, median magnitude {}\n", s.measured,
                       percent_text(s.median_error), percent_text(s.median_abs_error));
  }
  return out;
}

int judge_table(const MemoryCommand& command) {
  Diagnostics diagnostics;
  const auto runs = load_published_runs(command.input, diagnostics);
  if (!runs) {
    print_message(diagnostics.render());
    return kBadInput;
  }
  std::vector<MemoryVerdict> verdicts;
  if (command.id.empty()) {
    for (const PublishedRun& run : *runs) verdicts.push_back(judge_memory(run));
  } else {
    const PublishedRun* run = find_published_run(*runs, command.id, command.input, diagnostics);
    if (!run) {
      print_message(diagnostics.render());
      return kBadInput;
    }
    verdicts.push_back(judge_memory(*run));
  }
  if (command.json)
    print_result(verdicts_json(verdicts));
  else if (command.csv)
    print_result(verdicts_csv(verdicts));
  else
    print_result(verdicts_table(verdicts) + score_text(score_memory(verdicts)));
  return kDone;
}

struct PartName {
  const char* key;
  const char* title;
  Bytes StageMemory::*part;
};
constexpr PartName kParts[] = {{"weights_bytes", "weights", &StageMemory::weights},
                               {"gradients_bytes", "gradients", &StageMemory::gradients},
                               {"optimizer_bytes", "optimizer", &StageMemory::optimizer},
                               {"activations_bytes", "activations", &StageMemory::activations},
                               {"buffers_bytes", "buffers", &StageMemory::buffers},
                               {"framework_bytes", "framework", &StageMemory::framework}};

std::string stages_json(const Scenario& scenario, const MemoryReport& report) {
  Json json = {{"name", scenario.spec.name},
               {"capacity_bytes", report.capacity.value()},
               {"peak_stage", report.peak_stage},
               {"peak_bytes", peak_memory(report.stages).value()},
               {"fits", report.fits},
               {"remedies", report.remedies},
               {"assumptions", scenario.assumptions},
               {"stages", Json::array()}};
  for (const StageMemory& stage : report.stages) {
    Json each;
    for (const PartName& part : kParts) each[part.key] = (stage.*part.part).value();
    each["microbatches_in_flight"] = stage.microbatches_in_flight;
    each["total_bytes"] = stage.total().value();
    json["stages"].push_back(std::move(each));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Table stages_table(const MemoryReport& report) {
  std::vector<std::string> header = {"stage"};
  for (const PartName& part : kParts) header.push_back(part.title);
  header.insert(header.end(), {"total", "in flight"});
  Table table(std::move(header));
  for (std::size_t i = 0; i < report.stages.size(); ++i) {
    const StageMemory& stage = report.stages[i];
    std::vector<std::string> row = {std::to_string(i)};
    for (const PartName& part : kParts) row.push_back(gib_text(stage.*part.part));
    row.push_back(gib_text(stage.total()));
    row.push_back(std::to_string(stage.microbatches_in_flight));
    table.add(std::move(row));
  }
  return table;
}

std::string stages_csv(const MemoryReport& report) {
  std::string out = "stage";
  for (const PartName& part : kParts) out += fmt::format(",{}", part.key);
  out += ",total_bytes,microbatches_in_flight\n";
  for (std::size_t i = 0; i < report.stages.size(); ++i) {
    const StageMemory& stage = report.stages[i];
    out += std::to_string(i);
    for (const PartName& part : kParts) out += fmt::format(",{:.0f}", (stage.*part.part).value());
    out += fmt::format(",{:.0f},{}\n", stage.total().value(), stage.microbatches_in_flight);
  }
  return out;
}

std::string stages_text(const Scenario& scenario, const MemoryReport& report) {
  const Style style = stdout_style();
  std::string out = style.title(fmt::format("{}: memory of one rank of each stage", scenario.spec.name)) + "\n";
  out += stages_table(report).render();
  const std::string capacity = gib_text(report.capacity), peak = gib_text(peak_memory(report.stages));
  if (report.fits)
    return out + fmt::format("  stage {} needs {}; {} in {}\n", report.peak_stage, peak, style.good("fits"), capacity);
  out += fmt::format("  stage {} needs {}; {} in {}\n", report.peak_stage, peak, style.bad("does not fit"), capacity);
  for (const std::string& remedy : report.remedies) out += "    would fit: " + remedy + '\n';
  if (report.remedies.empty()) out += "    no change of the plan that was tried would make it fit\n";
  return out;
}

int show_stages(const MemoryCommand& command) {
  Diagnostics diagnostics;
  const auto scenario = load_scenario(command.input, command.overrides, diagnostics);
  print_message(diagnostics.render());
  if (!scenario) return kBadInput;
  const MemoryReport report = estimate_memory(scenario->spec.input);
  if (command.json)
    print_result(stages_json(*scenario, report));
  else if (command.csv)
    print_result(stages_csv(report));
  else
    print_result(stages_text(*scenario, report));
  return report.fits ? kDone : kDoesNotFit;
}

bool is_table(const std::string& input) { return input.ends_with(".csv") || input.ends_with(".CSV"); }

}  // namespace

int memory_command(const MemoryCommand& command) {
  return is_table(command.input) ? judge_table(command) : show_stages(command);
}

}  // namespace supernode
