// supernode resilience: how many parts may fail before a step, or a collective, loses so much of its rate.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "scenarios/collective_json.hpp"
#include "scenarios/csv_text.hpp"
#include "scenarios/fabric_check.hpp"
#include "scenarios/resilience.hpp"
#include "scenarios/result_json.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

Json trial_json(std::int64_t failed, std::int64_t seed, const FaultTrial& trial) {
  const auto ratio = [](double value) { return value > 0 ? Json(value) : Json(nullptr); };
  return {{"failed", failed},
          {"seed", seed},
          {"slowdown_ratio", ratio(trial.slowdown)},
          {"loss", trial.slowdown > 0 ? Json(trial.loss()) : Json(nullptr)},
          {"collective_slowdown_ratio", ratio(trial.collective_slowdown)},
          {"collective", trial.collective},
          {"problem", trial.problem}};
}

std::vector<Json> trials_json(const ResilienceAnswer& answer) {
  std::vector<Json> rows;
  for (const ResiliencePoint& point : answer.points)
    for (std::size_t d = 0; d < point.draws.size(); ++d)
      if (point.draws[d]) rows.push_back(trial_json(point.failed, answer.draws[d].seed, *point.draws[d]));
  return rows;
}

Json answer_json(const ResilienceAnswer& answer) {
  const ResilienceQuestion& question = answer.question;
  Json json = {{"subject", answer.subject},
               {"element", to_string(question.element)},
               {"parts", answer.parts},
               {"allowed_loss", question.loss},
               {"healthy_time_s", answer.healthy.value()},
               {"survives_median", answer.median()}};
  json["draws"] = Json::array();
  for (const ResilienceDraw& draw : answer.draws)
    json["draws"].push_back({{"seed", draw.seed},
                             {"survives", draw.survives},
                             {"ends", draw.ends ? Json(*draw.ends) : Json(nullptr)},
                             {"limit", draw.limit}});
  json["trials"] = trials_json(answer);
  return json;
}

std::string curve(const ResilienceAnswer& answer, const Style& style) {
  std::vector<std::string> header = {"failed"};
  for (const ResilienceDraw& draw : answer.draws) header.push_back(fmt::format("draw {}", draw.seed));
  header.push_back("collective");
  Table table(header);
  table.align(header.size() - 1, Align::kLeft);
  for (const ResiliencePoint& point : answer.points) {
    std::vector<std::string> row = {std::to_string(point.failed)};
    double worst = 0;
    std::string which;
    for (std::size_t d = 0; d < answer.draws.size(); ++d) {
      const FaultTrial* trial = d < point.draws.size() && point.draws[d] ? &*point.draws[d] : nullptr;
      row.push_back(!trial ? "" : trial->problem.empty() ? ratio_text(trial->slowdown) : "fails");
      if (!trial || trial->collective_slowdown <= worst) continue;
      worst = trial->collective_slowdown;
      which = trial->collective;
    }
    row.push_back(worst > 0 ? fmt::format("{} {}", ratio_text(worst), which) : "");
    table.add(std::move(row));
  }
  return style.title("Slowdown") + " (time over that without these failures; the collective that loses most)\n" +
         table.render();
}

std::string verdict(const ResilienceAnswer& answer, const Style& style) {
  const ResilienceQuestion& question = answer.question;
  const auto [least, most] = std::ranges::minmax(answer.draws, {}, &ResilienceDraw::survives);
  std::string out =
      style.title(fmt::format("{} of {} {} may fail", answer.median(), answer.parts, to_string(question.element))) +
      fmt::format(" before {} loses {} of its rate\n", answer.subject, percent_text(question.loss));
  out += fmt::format("  median of {} draws; from {} to {}; {} without failures\n\n", answer.draws.size(),
                     least.survives, most.survives, time_text(answer.healthy));
  Table table({"draw", "survives", "then"});
  table.align(2, Align::kLeft);
  for (const ResilienceDraw& draw : answer.draws)
    table.add({std::to_string(draw.seed), std::to_string(draw.survives),
               draw.ends ? fmt::format("{}: {}", *draw.ends, draw.limit) : "no more were tried"});
  return out + table.render() + "\n";
}

ResilienceQuestion read_question(const ResilienceCommand& command, Diagnostics& diagnostics) {
  ResilienceQuestion question;
  question.loss = command.loss_percent / 100;
  question.draws = command.draws;
  question.seed = command.seed;
  question.most = command.most;
  question.workers = command.workers.value_or(1);
  if (const auto element = parse_fault_element(command.element)) {
    question.element = *element;
  } else {
    diagnostics.error(
        {}, fmt::format("unknown element '{}'{}", command.element, suggestion(command.element, fault_element_names())));
  }
  return question;
}

CollectiveRequest read_collective(const ResilienceCommand& command, Diagnostics& diagnostics) {
  const auto op = read_collective_op(command.collective, diagnostics);
  CollectiveRequest request(op.value_or(CollectiveOp::kAllReduce));
  for (const Override& setting : command.settings) read_setting(request, setting, diagnostics);
  finish_request(request);
  return request;
}

std::string answer_csv(const ResilienceAnswer& answer) {
  return csv_text({"failed", "seed", "slowdown_ratio", "loss", "collective_slowdown_ratio", "collective", "problem"},
                  trials_json(answer));
}

ResilienceAnswer find(const ResilienceQuestion& question, const ResilienceCommand& command,
                      const CollectiveRequest& request, const StudySystem& study) {
  if (!command.collective.empty()) return collective_resilience(question, request, study);
  if (!study.system.scenario)
    throw std::invalid_argument(
        fmt::format("'{}' is a system and has no step: name a scenario, or a collective with "
                    "--collective all-to-all --bytes '64 MiB'",
                    command.scenario));
  if (!command.settings.empty())
    throw std::invalid_argument(fmt::format("--{} belongs to --collective", command.settings.front().path));
  return step_resilience(question, study.system.scenario->spec);
}

}  // namespace

int resilience_command(const ResilienceCommand& command) {
  Diagnostics diagnostics;
  const ResilienceQuestion question = read_question(command, diagnostics);
  CollectiveRequest request(CollectiveOp::kAllReduce);
  if (!command.collective.empty()) request = read_collective(command, diagnostics);
  const auto study = load_study_system(command.scenario, command.overrides, diagnostics);
  print_message(diagnostics.render());
  if (!study || diagnostics.has_errors()) return kBadInput;
  try {
    const ResilienceAnswer answer = find(question, command, request, *study);
    if (command.json)
      print_result(to_text(answer_json(answer)));
    else
      print_result(command.csv ? answer_csv(answer) : verdict(answer, stdout_style()) + curve(answer, stdout_style()));
    return kDone;
  } catch (const FaultError& fault) {
    print_message(fault_message(fault, study->system.faults));
    return kBadInput;
  } catch (const std::invalid_argument& problem) {
    print_message(fmt::format("supernode resilience: error: {}\n", problem.what()));
    return kBadInput;
  }
}

}  // namespace supernode
