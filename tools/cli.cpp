#include "tools/cli.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <functional>

#include "scenarios/collective_request.hpp"
#include "scenarios/provenance.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/output_folder.hpp"
#include "tools/terminal.hpp"
#include "topology/fault_spec.hpp"

namespace supernode {

namespace {

// What was typed, and the command to run with it.
struct CommandLine {
  RunCommand run;
  std::vector<std::string> sets;
  CatalogCommand catalog;
  CalibrateCommand calibrate;
  PredictCommand predict;
  ValidateCommand validate;
  ScheduleCommand schedule;
  ImportCommand import;
  MemoryCommand memory;
  RolloutCommand rollout;
  FabricCommand fabric;
  CollectiveCommand collective;
  ResilienceCommand resilience;
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
  app.add_flag("--skip-bad", line.calibrate.skip_bad, "Leave out bad rows and count them, instead of stopping");
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

void add_predict_target(CLI::App& app, CommandLine& line, int (*command)(const PredictCommand&)) {
  app.add_option("table", line.predict.table, "CSV file of measured times, or - for standard input")->required();
  CLI::Option* json = app.add_flag("--json", line.predict.json, "Print JSON: errors over all rows and by group");
  app.add_flag("--csv", line.predict.csv, "Print every row with what is predicted")->excludes(json);
  app.add_flag("--rows", line.predict.rows, "With --json: every row as well")->needs(json);
  app.add_flag("--skip-bad", line.predict.skip_bad, "Leave out bad rows and count them, instead of stopping");
  app.callback([&line, command] { line.chosen = [&line, command] { return command(line.predict); }; });
}

void add_predict(CLI::App& app, CommandLine& line) {
  CLI::App* predict = app.add_subcommand("predict", "Measured kernels or collectives beside what is predicted");
  predict->require_subcommand(1);
  add_predict_target(*predict->add_subcommand("kernels", "A table of kernels"), line, predict_kernels_command);
  add_predict_target(*predict->add_subcommand("collectives", "A table of collectives"), line,
                     predict_collectives_command);
}

void add_validate(CLI::App& app, CommandLine& line) {
  ValidateCommand& command = line.validate;
  CLI::App* validate = app.add_subcommand("validate", "Published training runs beside what is simulated");
  validate->add_option("table", command.table, "CSV file of published runs, or - for standard input")->required();
  CLI::Option* json = validate->add_flag("--json", command.json, "Print JSON: errors over all runs and by group");
  validate->add_flag("--csv", command.csv, "Print every run with what is simulated")->excludes(json);
  validate->add_flag("--rows", command.rows, "With --json: every run as well")->needs(json);
  validate->add_option("--where", command.where, "Only rows whose cell is VALUE, e.g. chip=H100; COLUMN~TEXT: has TEXT")
      ->allow_extra_args(false)
      ->type_name("COLUMN=VALUE");
  validate->add_flag("--all", command.all, "Simulate runs that are a headline only (grade C) too, apart");
  validate->add_flag("--assumptions", command.assumptions, "In the text: what was assumed for each run");
  validate->add_flag("--skip-bad", command.skip_bad, "Leave out bad rows and count them, instead of stopping");
  validate->add_option("-j,--workers", command.workers, "Processes at once; never changes a result")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  validate->callback([&line] { line.chosen = [&line] { return validate_command(line.validate); }; });
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

void add_fabric(CLI::App& app, CommandLine& line) {
  FabricCommand& command = line.fabric;
  CLI::App* fabric = app.add_subcommand("fabric", "Census of a system: chips, switches, optics, bandwidths, kW, kg, $");
  fabric->add_option("system", command.system, "A system of the catalogue, a YAML file of one, or a scenario")
      ->required();
  fabric->add_option("--chips", command.chips, "How many chips; default: one supernode, or what the scenario has")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  fabric->add_option("--set", line.sets, "Lay PATH=VALUE over the system, e.g. fabric.scale_out.oversubscription=2")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  CLI::Option* json = fabric->add_flag("--json", command.json, "Print JSON");
  fabric->add_flag("--names", command.names, "With --json: the names of switches, NICs and links")->needs(json);
  fabric->add_option("--dot", command.dot, "Write the graph for Graphviz")->type_name("FILE");
  fabric->add_option("--graphml", command.graphml, "Write the whole graph as GraphML")->type_name("FILE");
  CLI::Option* svg = fabric->add_option("--svg", command.svg, "Draw the fabric, coloured by load")->type_name("FILE");
  fabric->add_option("--load", command.load, "The picture's collective: all-to-all, all-reduce, all-gather or none")
      ->needs(svg);
  fabric->add_option("--bytes", command.bytes, "Its buffer on each device, e.g. '64 MiB'")->needs(svg);
  fabric->callback([&line] {
    for (const std::string& text : line.sets) line.fabric.overrides.push_back(parse_override(text));
    line.chosen = [&line] { return fabric_command(line.fabric); };
  });
}

// The list of commands shows one line of each, a command's own help its examples first.
void set_examples(CLI::App& command, const char* examples) {
  const std::string text = command.get_description() + "\n\n" + examples;
  command.preparse_callback([&command, text](std::size_t) { command.description(text); });
}

constexpr const char* kCollectiveExamples =
    "Examples:\n"
    "  supernode collective all-reduce --system hgx-h100 --bytes '64 MiB'\n"
    "  supernode collective all-to-all --system cloudmatrix-384 --ranks 384 --bytes '64 MiB' --flow\n"
    "  supernode collective all-gather --system hgx-h100 --ranks 16 --stride 8 --bytes '1 GiB'\n"
    "  supernode collective ep-dispatch --system cloudmatrix-384 --ranks 128 --tokens 128 --zipf 0.5\n"
    "  supernode collective all-to-all --system cloudmatrix-384 --bytes '64 MiB' --set faults.links=3\n"
    "  supernode collective all-reduce --system hgx-h100 --sweep bytes=1KiB..1GiB,ranks=8..512 --csv\n"
    "  supernode collective all-reduce --system hgx-h100 --ranks 16 --stride 8 --bytes '64 MiB' \\\n"
    "      --with all-to-all:16MiB:ranks=16\n"
    "Sweep keys: the settings below without --, algorithm, links, optics, switches, nics (that fail, drawn at "
    "random),\n"
    "or any key of the system such as fabric.scale_up.bandwidth=196GB/s..784GB/s. A range doubles: a..b; a..b:x4, "
    "a..b:+8.";

void add_collective_settings(CLI::App& command, std::vector<Override>& settings) {
  for (const SettingDoc& doc : collective_settings()) {
    std::string name(doc.key);
    std::replace(name.begin(), name.end(), '_', '-');
    const auto take = [&settings, key = std::string(doc.key)](const std::string& value) {
      settings.push_back({key, value});
    };
    command.add_option_function<std::string>("--" + name, take, std::string(doc.doc))
        ->type_name(fmt::format("e.g. '{}'", doc.example));
  }
}

void add_collective(CLI::App& app, CommandLine& line) {
  CollectiveCommand& command = line.collective;
  CLI::App* collective = app.add_subcommand("collective", "Time of one collective on a system, or a sweep of it");
  set_examples(*collective, kCollectiveExamples);
  collective
      ->add_option("operation", command.operation,
                   "all-reduce, all-gather, reduce-scatter, all-to-all, ep-dispatch, ep-combine or send-recv")
      ->required();
  collective->add_option("--system", command.system, "A system of the catalogue, a YAML file of one, or a scenario")
      ->required()
      ->type_name("NAME");
  add_collective_settings(*collective, command.settings);
  CLI::Option* flow = collective->add_flag("--flow", command.flow, "Every flow over the bare fabric, no software");
  collective->add_flag("--simgrid", command.simgrid, "With --flow: by SimGrid, each flow on its own")->needs(flow);
  CLI::Option* with = collective->add_option("--with", command.with, "Another one at the same time (repeatable)")
                          ->allow_extra_args(false)
                          ->type_name("OP:BYTES:KEY=VALUE");
  collective->add_option("--sweep", command.sweeps, "All combinations of KEY=VALUES,KEY=VALUES (repeatable)")
      ->allow_extra_args(false)
      ->type_name("SWEEP")
      ->excludes(with);
  collective->add_option("--set", line.sets, "Lay PATH=VALUE over the system, e.g. faults.links=3 (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  collective
      ->add_option_function<int>(
          "--workers", [&command](int n) { command.workers = n; }, "Processes of a sweep; never changes a result")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  CLI::Option* json = collective->add_flag("--json", command.json, "Print JSON");
  collective->add_flag("--csv", command.csv, "Print CSV")->excludes(json)->excludes(with);
  collective->callback([&line] {
    for (const std::string& text : line.sets) line.collective.overrides.push_back(parse_override(text));
    line.chosen = [&line] { return collective_command(line.collective); };
  });
}

constexpr const char* kResilienceExamples =
    "Examples:\n"
    "  supernode resilience deepseek_v3_cloudmatrix384 --element optics\n"
    "  supernode resilience llama3_70b_64_h100 --element nics --loss 10% --draws 5 --workers 2\n"
    "  supernode resilience cloudmatrix-384 --collective all-to-all --bytes '64 MiB' --element links\n"
    "Failures are drawn at random, by seed; the first k of a draw are those of k. With --collective, the settings "
    "below.";

// "5%", "5" or "5 %".
double parse_percent(const std::string& text) {
  std::size_t end = 0;
  double percent = -1;
  try {
    percent = std::stod(text, &end);
  } catch (const std::exception&) {
    end = std::string::npos;
  }
  const bool unit =
      end != std::string::npos && (text.substr(end).empty() || text.substr(end) == "%" || text.substr(end) == " %");
  if (!unit || !(percent > 0 && percent < 100))
    throw CLI::ValidationError("--loss", fmt::format("'{}' is no percentage between 0 and 100, e.g. 5%", text));
  return percent;
}

void add_resilience(CLI::App& app, CommandLine& line) {
  ResilienceCommand& command = line.resilience;
  CLI::App* resilience = app.add_subcommand("resilience", "How many parts may fail before a step loses 5 %");
  set_examples(*resilience, kResilienceExamples);
  resilience->add_option("scenario", command.scenario, "A scenario, as for run; with --collective also a system")
      ->required();
  resilience->add_option("--element", command.element, "What fails: optics, links, switches, nics or chips")
      ->capture_default_str();
  resilience
      ->add_option_function<std::string>(
          "--loss", [&command](const std::string& text) { command.loss_percent = parse_percent(text); },
          "What may be lost of the rate (5%)")
      ->type_name("PERCENT");
  resilience->add_option("--draws", command.draws, "Random orders of failure")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}))
      ->capture_default_str();
  resilience->add_option("--seed", command.seed, "Of the first draw; the next ones count on")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000}))
      ->capture_default_str();
  resilience->add_option("--max", command.most, "Try no more failures than this")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{10'000'000}));
  resilience->add_option("--collective", command.collective, "One collective alone instead of a step")
      ->type_name("OPERATION");
  add_collective_settings(*resilience, command.settings);
  resilience->add_option("--set", line.sets, "Lay PATH=VALUE over the scenario or system (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
  resilience
      ->add_option_function<int>(
          "--workers", [&command](int n) { command.workers = n; }, "Processes at once; never changes a result")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  CLI::Option* json = resilience->add_flag("--json", command.json, "Print JSON");
  resilience->add_flag("--csv", command.csv, "Print CSV, a row a trial")->excludes(json);
  resilience->callback([&line] {
    for (const std::string& text : line.sets) line.resilience.overrides.push_back(parse_override(text));
    line.chosen = [&line] { return resilience_command(line.resilience); };
  });
}

void build(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  app.set_version_flag("--version", "supernode " + program_version());
  add_run(app, line);
  add_compare(app, line);
  add_catalog(app, line);
  add_calibrate(app, line);
  add_predict(app, line);
  add_validate(app, line);
  add_import(app, line);
  add_memory(app, line);
  add_schedule(app, line);
  add_rollout(app, line);
  add_fabric(app, line);
  add_collective(app, line);
  add_resilience(app, line);
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
  } catch (const FaultError& fault) {
    print_message(fmt::format("supernode: error: {}\n", fault.what()));
    return kBadInput;
  } catch (const std::exception& error) {
    print_message(fmt::format("supernode: {}\n", error.what()));
    return kFailed;
  }
}

}  // namespace supernode
