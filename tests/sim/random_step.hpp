#pragma once
// Random legal steps for property tests: a small model under a plan on 16 to 64 ranks of a catalogue system.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "calibration/catalog.hpp"
#include "sim/simulate.hpp"
#include "tests/workloads/plan_fixture.hpp"
#include "topology/catalog.hpp"

namespace supernode {

namespace test {

// An entry of an embedded catalogue, read as the program reads it.
template <class Spec>
Spec catalogue_entry(const std::vector<EmbeddedFile>& catalogue, const std::string& name) {
  const auto file = std::ranges::find(catalogue, name, &EmbeddedFile::name);
  if (file == catalogue.end()) throw std::logic_error("no catalogue entry " + name);
  Diagnostics diagnostics;
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{file->path, file->text}), diagnostics);
  Spec spec;
  SpecReader reader(node, "", diagnostics);
  bind(spec, reader);
  reader.finish();
  if (diagnostics.has_errors()) throw std::logic_error(diagnostics.render());
  return spec;
}

// 1, 2, 4, … up to `most`.
inline std::int64_t power_of_two(std::int64_t most) {
  std::vector<std::int64_t> powers;
  for (std::int64_t p = 1; p <= most; p *= 2) powers.push_back(p);
  return *rc::gen::elementOf(powers);
}

// Uniform in [low, high) from the first case on; rapidcheck's own range starts narrow and widens.
inline std::int64_t between(std::int64_t low, std::int64_t high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high));
}

inline bool coin() { return *rc::gen::arbitrary<bool>(); }

inline void scale_bandwidth(SystemSpec& system, double scale_up, double scale_out) {
  system.scale_up.bandwidth.value *= scale_up;
  system.scale_up.l1_uplink.value *= scale_up;
  system.scale_out.bandwidth.value *= scale_out;
}

// With planes as wide as built or up to 32 times narrower, so that some steps are ruled by communication.
inline SimulationInput random_system() {
  static constexpr std::array kMachines = {std::pair("hgx-h100", "nccl-hgx-h100"),
                                           std::pair("gb200-nvl72", "nccl-gb200-nvl72"),
                                           std::pair("cloudmatrix-384", "hccl-cloudmatrix-384")};
  const auto& [system, protocol] = kMachines[static_cast<std::size_t>(between(0, std::ssize(kMachines)))];
  SimulationInput input;
  input.system = catalogue_entry<SystemSpec>(system_catalog(), system);
  input.chip = catalogue_entry<ChipSpec>(chip_catalog(), input.system.chip);
  input.protocol = catalogue_entry<CollectiveProtocol>(protocol_catalog(), protocol);
  const double width = 1.0 / static_cast<double>(power_of_two(32));
  scale_bandwidth(input.system, width, width);
  input.chips = *rc::gen::element<std::int64_t>(16, 32, 64) / input.system.devices_per_chip;
  return input;
}

// Hidden 1024 to 8192 in heads of 64, ffn four times that; with 16 experts of the hidden size, top-4 and one shared,
// after a dense layer. Small models are ruled by launches and latencies, large ones by rates.
inline ModelSpec random_model(bool moe) {
  ModelSpec model;
  model.hidden = 1024 * power_of_two(8);
  model.vocab = 16384;
  model.ffn = 4 * model.hidden;
  model.tied_embeddings = coin();
  model.attention = {.kind = AttentionKind::kGqa, .heads = model.hidden / 64, .kv_heads = 8, .head_dim = 64};
  if (!moe) return model;
  model.attention.kind = AttentionKind::kMla;
  model.attention.kv_heads = model.attention.heads;
  model.attention.q_lora_rank = 256, model.attention.kv_lora_rank = 128;
  model.attention.nope_head_dim = model.attention.v_head_dim = 64, model.attention.rope_head_dim = 32;
  model.moe = {.experts = 16, .topk = 4, .ffn = model.hidden, .shared_experts = 1, .first_dense = 1};
  model.mtp_layers = coin() ? 1 : 0;
  return model;
}

// Stages, their schedule, and a number of micro-batches that the schedule can take.
struct Pipeline {
  std::int64_t stages = 1, chunks = 1, microbatches = 1;
  std::string schedule = "1f1b";
};

inline Pipeline random_pipeline() {
  Pipeline p;
  p.stages = power_of_two(4);
  p.microbatches = between(1, 7);
  if (p.stages == 1) return p;
  p.schedule = *rc::gen::element<std::string>("1f1b", "interleaved", "dualpipev");
  if (p.schedule != "1f1b") p.chunks = 2;
  if (p.schedule == "interleaved") p.microbatches = p.stages * between(1, 4);
  if (p.schedule == "dualpipev") p.microbatches = p.stages * between(2, 4);
  return p;
}

// A plan as a scenario would write it.
inline std::string random_plan(const Pipeline& pipeline, std::int64_t ranks, bool moe) {
  const std::int64_t tensor = power_of_two(std::min<std::int64_t>(8, ranks / pipeline.stages));
  const std::int64_t data = ranks / pipeline.stages / tensor;
  const std::int64_t expert = moe ? power_of_two(std::min<std::int64_t>(16, tensor * data)) : 1;
  const std::int64_t micro_batch = power_of_two(2);
  std::string text = fmt::format("tensor_parallel: {}\npipeline_parallel: {}\nvirtual_stages: {}\nschedule: {}\n",
                                 tensor, pipeline.stages, pipeline.chunks, pipeline.schedule);
  text += fmt::format("expert_parallel: {}\nmicro_batch: {}\nglobal_batch: {}\n", expert, micro_batch,
                      micro_batch * data * pipeline.microbatches);
  text += fmt::format("sequence_parallel: {}\nuneven_stages: true\n", moe || coin());
  text += fmt::format("zero_stage: {}\n", between(0, 3));
  text += fmt::format("recompute: {}\n", *rc::gen::element<std::string>("none", "selective", "full"));
  text += fmt::format("sequence_length: {}\n", 1024 * power_of_two(4));
  text += fmt::format("precision: {{compute: {}}}\n", *rc::gen::element<std::string>("bf16", "fp8", "fp8_block"));
  text += fmt::format("overlap: {{grad_reduce: {}, param_gather: {}, tensor: {}, expert: {}, pipeline: {}}}\n", coin(),
                      coin(), coin(), coin(), coin());
  return text;
}

// Every draw is legal: no case is thrown away.
inline SimulationInput random_step() {
  SimulationInput input = random_system();
  const bool moe = coin();
  input.model = random_model(moe);
  const Pipeline pipeline = random_pipeline();
  const std::int64_t pieces = pipeline.stages * pipeline.chunks;
  input.model.layers = pieces * between(1, 3) + between(0, pieces);
  const std::int64_t ranks = input.chips * input.system.devices_per_chip;
  const std::string text = random_plan(pipeline, ranks, moe);
  Diagnostics diagnostics;
  input.plan = read_plan(text, diagnostics, &input.model, ranks);
  RC_LOG() << fmt::format("{}, scale-up {:.1f} GB/s a chip, {} ranks, {} layers, hidden {}, {} experts, {} MTP\n{}{}",
                          input.system.name, input.system.scale_up.bandwidth.value.value() / 1e9, ranks,
                          input.model.layers, input.model.hidden, input.model.moe.experts, input.model.mtp_layers, text,
                          diagnostics.render());
  RC_ASSERT_FALSE(diagnostics.has_errors());
  return input;
}

}  // namespace test
}  // namespace supernode
