#include "scenarios/scenario.hpp"

#include <fmt/format.h>

namespace supernode {

namespace {

void bind(PublishedResult& published, SpecReader& r) {
  r.quantity({"step_time", "measured time of one step"}, published.step_time);
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

}  // namespace

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
  const bool model = read_section(r, {"model", "the network: a catalogue name, a file, or a map", kRequired}, broken,
                                  [&](SpecReader& s) { bind(input.model, s); });
  read_section(r, {"plan", "how the model is laid out, and the batch", kRequired}, broken, [&](SpecReader& s) {
    const int errors = s.documenting() ? 0 : s.diagnostics().error_count();
    bind(input.plan, s);
    if (s.documenting() || !system || !chip || !model || s.diagnostics().error_count() > errors) return;
    check_plan(input.plan, input.model, input.chips * input.system.devices_per_chip, s);
  });
  read_section(r, {"options", "how to run; no effect on results"}, broken, [&](SpecReader& s) {
    s.integer({"workers", "child processes at once"}, scenario.options.workers, {.min = 1, .max = 1024});
  });
  read_section(r, {"published", "what was measured; printed beside the result, never used by a model"}, broken,
               [&](SpecReader& s) { bind(scenario.published, s); });
}

}  // namespace supernode
