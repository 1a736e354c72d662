// What the library's scenarios say beside what was published.
#include <fmt/format.h>

#include "scenarios/catalogue.hpp"
#include "tools/fidelity_table/tables.hpp"
#include "tools/library_run.hpp"

namespace supernode {

namespace {

struct Row {
  std::string scenario;
  std::string measured;   // the published figure that is compared, in words
  std::string simulated;  // the same figure simulated
  double ratio = 1;       // simulated over published step time
  std::string source;
};

// Step time is what a throughput or a utilisation says over again; the most direct figure is taken. A published MFU is
// used only when nothing else is: conventions for counting FLOPs differ.
Row compare(const Outcome& o) {
  const PublishedResult& p = o.scenario.published;
  const auto row = [&](std::string measured, std::string simulated, double ratio) {
    return Row{o.scenario.name, std::move(measured), std::move(simulated), ratio, p.source};
  };
  const Seconds step = o.rl ? o.rl->step_time : o.step_time;
  if (p.step_time.value() > 0)
    return row(fmt::format("{:.2f} s", p.step_time.value()), fmt::format("{:.2f} s", step.value()), step / p.step_time);
  if (p.tokens_per_s_chip > 0)
    return row(fmt::format("{:.0f} tokens/s a chip", p.tokens_per_s_chip),
               fmt::format("{:.0f} tokens/s a chip", o.tokens_per_s.per_chip),
               p.tokens_per_s_chip / o.tokens_per_s.per_chip);
  return row(fmt::format("MFU {:.1f} %", p.mfu * 100), fmt::format("MFU {:.1f} %", o.bf16.mfu * 100),
             p.mfu / o.bf16.mfu);
}

std::string published_mfu(const PublishedResult& p) {
  return p.mfu > 0 ? fmt::format("{:.1f} %", p.mfu * 100) : std::string("–");
}

}  // namespace

std::string library_table() {
  std::string text =
      "| scenario | published | simulated | step time, simulated / published | MFU published | MFU simulated | source "
      "|\n|---|---|---|---|---|---|---|\n";
  for (const EmbeddedFile& file : scenario_library()) {
    const Scenario scenario = load_or_throw(file.name);
    if (!scenario.spec.published.any()) continue;
    const Outcome outcome = run_or_throw(scenario);
    const Row row = compare(outcome);
    text += fmt::format("| {} | {} | {} | {:.2f} ({:+.0f} %) | {} | {:.1f} % | {} |\n", row.scenario, row.measured,
                        row.simulated, row.ratio, (row.ratio - 1) * 100, published_mfu(outcome.scenario.published),
                        outcome.bf16.mfu * 100, row.source);
  }
  return text;
}

}  // namespace supernode
