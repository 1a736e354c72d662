#include "tools/cli.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <functional>

#include "scenarios/provenance.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/output_folder.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

// What was typed, and the command to run with it.
struct CommandLine {
  RunCommand run;
  std::vector<std::string> sets;
  CatalogCommand catalog;
  CalibrateCommand calibrate;
  ScheduleCommand schedule;
  ImportCommand import;
  MemoryCommand memory;
  RolloutCommand rollout;
  std::function<int()> chosen;
};

// "PATH=VALUE" split at the first '='.
Override parse_override(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw CLI::ValidationError("--set", fmt::format("'{}' is not PATH=VALUE, e.g. plan.micro_batch=2", text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void finish_run_options(CommandLine& line) {
  for (const std::string& text : line.sets) line.run.overrides.push_back(parse_override(text));
  const std::string problem = line.run.out.empty() ? "" : output_folder_problem(line.run.out);
  if (!problem.empty()) throw CLI::ValidationError("--out", problem);
}

void add_run_options(CLI::App& app, CommandLine& line) {
  app.add_option("--set", line.sets, "Lay PATH=VALUE over the scenario, e.g. plan.micro_batch=2 (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  app.add_flag("--json", line.run.json, "Print JSON instead of a report");
  app.add_option("--out", line.run.out, "Write result.json, the resolved scenario and a Perfetto trace into DIR")
      ->check([](const std::string& folder) { return folder.empty() ? std::string("names no folder") : std::string(); })
      ->type_name("DIR");
  app.add_option_function<int>(
         "--workers", [&](int n) { line.run.workers = n; }, "Processes at once; never changes a result")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  app.add_flag("--ignore-memory", line.run.ignore_memory, "Simulate a plan that does not fit in memory");
}

void add_run(CLI::App& app, CommandLine& line) {
  CLI::App* run = app.add_subcommand("run", "Simulate one training step of a scenario");
  run->add_option("scenario", line.run.scenarios, "YAML file, name of the library, or - for standard input")
      ->required()
      ->expected(1);
  add_run_options(*run, line);
  run->callback([&line] {
    finish_run_options(line);
    line.chosen = [&line] { return run_command(line.run); };
  });
}

void add_compare(CLI::App& app, CommandLine& line) {
  CLI::App* compare = app.add_subcommand("compare", "Simulate scenarios and set them side by side");
  compare->add_option("scenarios", line.run.scenarios, "Two or more scenarios, as for run")
      ->required()
      ->expected(2, 26);
  add_run_options(*compare, line);
  compare->callback([&line] {
    finish_run_options(line);
    line.chosen = [&line] { return compare_command(line.run); };
  });
}

void add_catalog(CLI::App& app, CommandLine& line) {
  CLI::App* catalog = app.add_subcommand("catalog", "List chips, systems, protocols, models or scenarios; show one");
  catalog->add_option("kind", line.catalog.kind, "chips, systems, protocols, models or scenarios");
  catalog->add_option("name", line.catalog.name, "The entry to show");
  catalog->add_flag("--json", line.catalog.json, "Print JSON");
  catalog->callback([&line] { line.chosen = [&line] { return catalog_command(line.catalog); }; });
}

void add_calibrate_target(CLI::App& app, CommandLine& line, const std::string& subject, const std::string& help,
                          int (*command)(const CalibrateCommand&)) {
  app.add_option("trace", line.calibrate.trace, "CSV file of measured times")->required();
  app.add_option(subject, line.calibrate.subject, help)->required()->type_name("NAME");
  app.add_option("--out", line.calibrate.out, "Write the fitted YAML to FILE")->type_name("FILE");
  app.callback([&line, command] { line.chosen = [&line, command] { return command(line.calibrate); }; });
}

void add_calibrate(CLI::App& app, CommandLine& line) {
  CLI::App* calibrate = app.add_subcommand("calibrate", "Fit cost models to measured times");
  calibrate->require_subcommand(1);
  add_calibrate_target(*calibrate->add_subcommand("kernels", "Fit the kernel model of a chip"), line, "--chip",
                       "A chip of the catalogue", calibrate_kernels_command);
  CLI::App* collectives = calibrate->add_subcommand("collectives", "Fit the protocol model of a system");
  add_calibrate_target(*collectives, line, "--system", "A system of the catalogue", calibrate_collectives_command);
  collectives->add_option("--exclude", line.calibrate.exclude, "Leave out rows whose note or software has TEXT in it")
      ->allow_extra_args(false)
      ->type_name("TEXT");
  collectives->add_option("--also", line.calibrate.also_systems, "Count rows of this system as the system's own")
      ->allow_extra_args(false)
      ->type_name("SYSTEM");
}

void add_import_target(CLI::App& app, CommandLine& line, const std::string& input, const std::string& help,
                       int (*command)(const ImportCommand&)) {
  app.add_option(input, line.import.input, help)->required();
  app.add_option("--out", line.import.out, "Write the YAML to FILE")->type_name("FILE");
  app.callback([&line, command] { line.chosen = [&line, command] { return command(line.import); }; });
}

void add_import(CLI::App& app, CommandLine& line) {
  CLI::App* import = app.add_subcommand("import", "Turn a published run, a config.json or Megatron flags into YAML");
  import->require_subcommand(1);
  CLI::App* run = import->add_subcommand("run", "A row of a table of published runs");
  add_import_target(*run, line, "table", "CSV file of published runs", import_run_command);
  run->add_option("--id", line.import.id, "The row: its id, or its number")->required()->type_name("ID");
  CLI::App* hf = import->add_subcommand("hf", "A Hugging Face config.json, as a model");
  add_import_target(*hf, line, "config", "config.json", import_huggingface_command);
  CLI::App* megatron = import->add_subcommand("megatron", "Flags of Megatron-LM or MindSpeed, as a scenario");
  add_import_target(*megatron, line, "script", "A launch script, or its flags", import_megatron_command);
  megatron->add_option("--system", line.import.system, "A system of the catalogue")->type_name("NAME");
  megatron->get_option("script")->required(false);
  megatron->allow_extras();  // flags begin with --, quoted or not
  megatron->callback([&line, megatron] {
    for (const std::string& word : megatron->remaining())
      line.import.input += (line.import.input.empty() ? "" : " ") + word;
    if (line.import.input.empty()) throw CLI::RequiredError("script");
    line.chosen = [&line] { return import_megatron_command(line.import); };
  });
}

void add_memory(CLI::App& app, CommandLine& line) {
  CLI::App* memory = app.add_subcommand("memory", "What a scenario needs, or verdicts on a table of published runs");
  memory->add_option("input", line.memory.input, "A scenario, as for run, or a CSV file of published runs")->required();
  memory->add_option("--id", line.memory.id, "One row of the table only")->type_name("ID");
  memory->add_option("--set", line.sets, "Lay PATH=VALUE over the scenario (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  CLI::Option* json = memory->add_flag("--json", line.memory.json, "Print JSON");
  memory->add_flag("--csv", line.memory.csv, "Print CSV")->excludes(json);
  memory->callback([&line] {
    for (const std::string& text : line.sets) line.memory.overrides.push_back(parse_override(text));
    line.chosen = [&line] { return memory_command(line.memory); };
  });
}

void add_schedule(CLI::App& app, CommandLine& line) {
  ScheduleCommand& command = line.schedule;
  CLI::App* schedule = app.add_subcommand("schedule", "Draw a pipeline schedule in time, with its bubble");
  CLI::Option* scenario = schedule->add_option("scenario", command.scenario, "Draw the plan of a scenario, as for run");
  const auto of_plan = [&](const std::string& name, std::int64_t& value, const std::string& help, std::int64_t most) {
    schedule->add_option(name, value, help)->check(CLI::Range(std::int64_t{1}, most))->excludes(scenario);
  };
  schedule->add_option("--schedule", command.schedule, "gpipe, 1f1b, interleaved, zb-h1, zb-v, dualpipe or dualpipev")
      ->excludes(scenario);
  of_plan("--stages", command.stages, "Pipeline stages", 1024);
  of_plan("--microbatches", command.microbatches, "Micro-batches of a replica", 65536);
  of_plan("--chunks", command.chunks, "Model chunks a stage", 64);
  const auto time = [&](const std::string& name, double& value, const std::string& help) {
    schedule->add_option(name, value, help)->check(CLI::Range(1e-6, 1e6))->type_name("TIME");
  };
  time("--forward", command.times.forward, "Of a chunk's forward pass, in any unit (1)");
  time("--backward-input", command.times.backward_input, "Of the half of a backward pass that others wait for (1)");
  time("--backward-weight", command.times.backward_weight, "Of the other half (1)");
  time("--pair", command.times.pair, "Of a forward and a backward pass together; pairs them");
  schedule->add_option("--set", line.sets, "With a scenario: lay PATH=VALUE over it")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  schedule->add_flag("--all", command.all, "Draw all of a long schedule");
  schedule->add_flag("--json", command.json, "Print JSON");
  schedule->callback([&line] {
    for (const std::string& text : line.sets) line.schedule.overrides.push_back(parse_override(text));
    line.chosen = [&line] { return schedule_command(line.schedule); };
  });
}

void add_rollout(CLI::App& app, CommandLine& line) {
  CLI::App* rollout = app.add_subcommand("rollout", "Serving rates: of published rows, or of a scenario's rollout");
  rollout->add_option("input", line.rollout.input, "A table of published rates (.csv), or a scenario as for run")
      ->required();
  rollout->add_option("--set", line.sets, "Lay PATH=VALUE over the scenario (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  rollout->add_flag("--json", line.rollout.json, "Print JSON");
  rollout->callback([&line] {
    for (const std::string& text : line.sets) line.rollout.overrides.push_back(parse_override(text));
    line.chosen = [&line] { return rollout_command(line.rollout); };
  });
}

void build(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  app.set_version_flag("--version", "supernode " + program_version());
  add_run(app, line);
  add_compare(app, line);
  add_catalog(app, line);
  add_calibrate(app, line);
  add_import(app, line);
  add_memory(app, line);
  add_schedule(app, line);
  add_rollout(app, line);
  app.add_subcommand("reference", "Print the scenario reference")->callback([&line] {
    line.chosen = reference_command;
  });
  app.footer("Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 the plan does not fit in memory, 130 interrupted.");
}

// The parent of forked simulations: they are killed when it goes.
extern "C" void on_interrupt(int) { ::_exit(kInterrupted); }

}  // namespace

int run_cli(int argc, char** argv) {
  std::signal(SIGINT, on_interrupt);
  try {
    CLI::App app("Simulates a training step of a large model on a cluster of accelerators.", "supernode");
    CommandLine line;
    build(app, line);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool asked = error.get_exit_code() == 0;  // --help, --version
      app.exit(error);
      return asked ? kDone : kBadInput;
    }
    return line.chosen();
  } catch (const std::exception& error) {
    print_message(fmt::format("supernode: {}\n", error.what()));
    return kFailed;
  }
}

}  // namespace supernode
