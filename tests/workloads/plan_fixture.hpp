#pragma once
// Plans and small models for tests.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "workloads/plan_spec.hpp"

namespace supernode {

// 4 layers, hidden 256, 8 heads of 32, ffn 1024 (gated), vocabulary 512.
inline ModelSpec small_dense_model() {
  ModelSpec model;
  model.layers = 4;
  model.hidden = 256;
  model.vocab = 512;
  model.ffn = 1024;
  model.attention = {.kind = AttentionKind::kMha, .heads = 8, .kv_heads = 8, .head_dim = 32};
  return model;
}

// The same with 16 experts of 128, top-4, one shared, after one dense layer.
inline ModelSpec small_moe_model() {
  ModelSpec model = small_dense_model();
  model.moe.experts = 16;
  model.moe.topk = 4;
  model.moe.ffn = 128;
  model.moe.shared_experts = 1;
  model.moe.first_dense = 1;
  return model;
}

// 64 tokens a sequence, 4 micro-batches of one sequence, one rank.
inline PlanSpec small_plan() {
  PlanSpec plan;
  plan.data_parallel = 1;
  plan.global_batch = 4;
  plan.sequence_length = 64;
  return plan;
}

// Reads a plan from YAML and, if `model` is given, checks it against that model on `ranks` ranks.
inline PlanSpec read_plan(const std::string& text, Diagnostics& diagnostics, const ModelSpec* model = nullptr,
                          std::int64_t ranks = 0) {
  const auto file = std::make_shared<const SourceFile>(SourceFile{"plan.yaml", text});
  const YamlNode node = parse_yaml(file, diagnostics);
  PlanSpec plan;
  SpecReader reader(node, "plan", diagnostics);
  bind(plan, reader);
  if (model) check_plan(plan, *model, ranks, reader);
  reader.finish();
  return plan;
}

}  // namespace supernode
