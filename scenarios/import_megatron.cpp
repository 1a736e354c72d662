#include "scenarios/import_megatron.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "scenarios/catalogue.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/import_megatron_flags.hpp"
#include "scenarios/import_megatron_parts.hpp"
#include "scenarios/import_shell.hpp"

namespace supernode {

namespace {

// Flags that begin so say nothing about the cost of a step: data, logging, checkpoints, learning rate, tokenizer,
// initialisation, fused kernels that every stack has, process start.
constexpr std::array<std::string_view, 46> kIdle = {"lr",
                                                    "min-lr",
                                                    "train-",
                                                    "data-",
                                                    "split",
                                                    "log",
                                                    "save",
                                                    "load",
                                                    "eval",
                                                    "tensorboard",
                                                    "wandb",
                                                    "tokenizer",
                                                    "vocab-file",
                                                    "merge-file",
                                                    "seed",
                                                    "weight-decay",
                                                    "adam-",
                                                    "clip-grad",
                                                    "init-",
                                                    "attention-dropout",
                                                    "hidden-dropout",
                                                    "masked-softmax",
                                                    "no-",
                                                    "distributed-",
                                                    "use-fused-",
                                                    "initial-loss-scale",
                                                    "loss-scale",
                                                    "finetune",
                                                    "ckpt",
                                                    "async-",
                                                    "exit-",
                                                    "master-",
                                                    "node-rank",
                                                    "rdzv",
                                                    "num-workers",
                                                    "reset-",
                                                    "eod-",
                                                    "manual-gc",
                                                    "apply-",
                                                    "attention-softmax-in-fp32",
                                                    "use-mcore",
                                                    "moe-aux",
                                                    "moe-z",
                                                    "moe-router-",
                                                    "check-for",
                                                    "dataloader-type"};

bool is_idle(std::string_view name) {
  return std::any_of(kIdle.begin(), kIdle.end(), [&](std::string_view each) { return name.starts_with(each); });
}

// "--tensor_model_parallel_size=8" → tensor-model-parallel-size, 8.
void add_flag(std::string_view word, MegatronFlags& flags, std::string& last) {
  word.remove_prefix(2);
  const std::size_t equals = word.find('=');
  last = word.substr(0, equals);
  std::replace(last.begin(), last.end(), '_', '-');
  auto& values = flags[last];
  values.clear();
  if (equals != std::string_view::npos) values.emplace_back(word.substr(equals + 1));
}

void add_words(const std::vector<std::string>& words, MegatronFlags& flags) {
  std::string last;
  for (const std::string& word : words) {
    if (word.starts_with("--") && word.size() > 2)
      add_flag(word, flags, last);
    else if (!last.empty())
      flags[last].push_back(word);
  }
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : std::string(text) + " ") {
    if (!std::isspace(static_cast<unsigned char>(c))) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

// The flags of the commands; of the variables when no command has the model's.
MegatronFlags collect(const ShellScript& script) {
  MegatronFlags flags;
  for (const auto& command : script.commands) add_words(command, flags);
  if (flags.contains("num-layers")) return flags;
  for (const auto& [name, value] : script.variables) add_words(split_words(value), flags);
  return flags;
}

void apply_table(MegatronImport& import) {
  for (const auto& [name, values] : import.flags) {
    const MegatronFlag* flag = find_megatron_flag(name);
    if (!flag) {
      if (!is_idle(name)) import.warn(fmt::format("--{} is not known", name));
      continue;
    }
    if (flag->kind == FlagKind::kInteger) import.yaml.set(flag->path, import.integer(name, 1));
    if (flag->kind == FlagKind::kNumber)
      import.yaml.set_number(flag->path, number_after(import.text(name), "").value_or(0));
    if (flag->kind == FlagKind::kSet) import.yaml.set_word(flag->path, flag->value);
    if (flag->kind == FlagKind::kCostly) import.warn(fmt::format("--{}: {}", name, flag->value));
  }
}

bool is_mindspeed(const MegatronFlags& flags) {
  return std::any_of(flags.begin(), flags.end(), [](const auto& each) {
    const MegatronFlag* flag = find_megatron_flag(each.first);
    return flag && flag->mindspeed;
  });
}

std::int64_t variable(const ShellScript& script, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = script.variables.find(name);
    const auto value = found == script.variables.end() ? std::nullopt : parse_integer(found->second);
    if (value && *value > 0) return *value;
  }
  return 0;
}

// Ranks the script starts; 0 when it does not say.
std::int64_t script_ranks(MegatronImport& import, const ShellScript& script) {
  std::int64_t nodes = import.integer("nnodes", variable(script, {"NNODES", "NUM_NODES"}));
  std::int64_t each =
      import.integer("nproc-per-node", variable(script, {"NPUS_PER_NODE", "GPUS_PER_NODE", "NPROC_PER_NODE"}));
  if (nodes > 0 && each > 0) return nodes * each;
  return variable(script, {"WORLD_SIZE"});
}

void read_system(MegatronImport& import, const ShellScript& script, std::string system) {
  if (system.empty()) {
    system = is_mindspeed(import.flags) ? "atlas-800t-a2" : "hgx-h100";
    import.assume(fmt::format("the system {}; --system names another", system));
  }
  const auto spec = load_system(system, import.diagnostics);
  if (!spec) return;
  YamlBuilder& yaml = import.yaml;
  const std::int64_t replica = yaml.integer("plan.tensor_parallel", 1) * yaml.integer("plan.pipeline_parallel", 1) *
                               yaml.integer("plan.context_parallel", 1);
  std::int64_t ranks = script_ranks(import, script);
  if (ranks == 0) {
    const std::int64_t experts = yaml.integer("plan.expert_parallel", 1) * yaml.integer("plan.pipeline_parallel", 1);
    ranks = std::max({replica, (experts + replica - 1) / replica * replica, spec->devices_per_chip});
    import.assume(fmt::format("{} ranks, the fewest that hold the plan: the flags give no number of nodes", ranks));
  }
  yaml.set_word("system.base", system);
  yaml.set("system.chips", std::max<std::int64_t>(1, ranks / spec->devices_per_chip));
  if (ranks % std::max<std::int64_t>(1, replica) != 0) {
    import.diagnostics.error(
        import.position,
        fmt::format("tensor x context x pipeline parallelism = {} does not divide {} ranks", replica, ranks));
    return;
  }
  yaml.set("plan.data_parallel", ranks / std::max<std::int64_t>(1, replica));
}

void warn_unset(MegatronImport& import, const ShellScript& script) {
  const std::set<std::string> unset(script.unset.begin(), script.unset.end());
  std::string names;
  for (const std::string& name : unset) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) import.warn("variables without a value: " + names);
}

}  // namespace

std::optional<ImportedYaml> read_megatron(const SourceFile& source, const std::string& system,
                                          Diagnostics& diagnostics) {
  const auto file = std::make_shared<const SourceFile>(source);
  const ShellScript script = read_shell(file->text);
  const MegatronFlags flags = collect(script);
  if (!flags.contains("num-layers")) {
    diagnostics.error({file, 0, 0}, "no command and no variable of it has --num-layers: not a Megatron launch script");
    return std::nullopt;
  }
  MegatronImport import{.flags = flags, .diagnostics = diagnostics, .position = {file, 0, 0}};
  const int errors = diagnostics.error_count();
  import.yaml.set_word("name", "megatron");
  import.yaml.set_word("system", "");
  apply_table(import);
  read_system(import, script, system);
  read_megatron_model(import);
  import.yaml.set_word("plan.stack", is_mindspeed(flags) ? "mindspeed" : "megatron");
  read_megatron_plan(import);
  warn_unset(import, script);
  if (diagnostics.error_count() > errors) return std::nullopt;
  import.out.tree = import.yaml.take();
  return std::move(import.out);
}

std::optional<ImportedYaml> import_megatron(const std::string& input, const std::string& system,
                                            Diagnostics& diagnostics) {
  if (std::filesystem::is_regular_file(input)) {
    std::ifstream stream(input, std::ios::binary);
    return read_megatron({input, std::string((std::istreambuf_iterator<char>(stream)), {})}, system, diagnostics);
  }
  if (contains(input, "--")) return read_megatron({"flags", input}, system, diagnostics);
  diagnostics.error({std::make_shared<const SourceFile>(SourceFile{input, ""}), 0, 0},
                    "is neither a file nor flags that begin with --");
  return std::nullopt;
}

}  // namespace supernode
