// supernode import: what others wrote (a row of a table, a config.json, a launch script) as YAML of ours.
#include <fmt/format.h>

#include <fstream>

#include "scenarios/import_huggingface.hpp"
#include "scenarios/import_megatron.hpp"
#include "scenarios/import_run.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

int deliver(const std::string& text, const std::string& out) {
  if (out.empty()) {
    print_result(text);
    return kDone;
  }
  std::ofstream stream(out, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw std::runtime_error(fmt::format("cannot write {}", out));
  print_message(fmt::format("wrote {}\n", out));
  return kDone;
}

}  // namespace

int import_run_command(const ImportCommand& command) {
  Diagnostics diagnostics;
  const auto runs = load_published_runs(command.input, diagnostics);
  const PublishedRun* run = runs ? find_published_run(*runs, command.id, command.input, diagnostics) : nullptr;
  if (!run) {
    print_message(diagnostics.render());
    return kBadInput;
  }
  const ImportedRun imported = import_run(*run);
  // Complaints about other rows are not this one's business.
  Diagnostics own;
  for (const Diagnostic& each : diagnostics.all()) {
    if (each.position.line == run->position.line) own.error(each.position, each.message);
  }
  if (!imported.problem.empty()) own.error(run->position, imported.problem);
  print_message(own.render());
  if (own.has_errors()) return kBadInput;
  return deliver(scenario_text(*run, imported), command.out);
}

int import_huggingface_command(const ImportCommand& command) {
  Diagnostics diagnostics;
  const auto imported = import_huggingface(command.input, diagnostics);
  print_message(diagnostics.render());
  if (!imported) return kBadInput;
  return deliver(import_text(*imported, fmt::format("model from {}", command.input)), command.out);
}

int import_megatron_command(const ImportCommand& command) {
  Diagnostics diagnostics;
  const auto imported = import_megatron(command.input, command.system, diagnostics);
  print_message(diagnostics.render());
  if (!imported) return kBadInput;
  return deliver(import_text(*imported, "scenario from Megatron flags"), command.out);
}

}  // namespace supernode
