#include "workloads/inference_program.hpp"

#include <map>

#include "base/numeric.hpp"
#include "workloads/inference_layer.hpp"

namespace supernode {

namespace {

// A draft is one layer on one token of each sequence, with the model's head.
void add_drafts(const ModelSpec& model, const InferencePlan& plan, const InferencePass& pass,
                std::vector<InferenceBlock>& blocks) {
  InferencePass one = pass;
  one.new_tokens = 1;
  InferenceLayer builder(model, plan, one);
  const double drafts = real(plan.speculative.tokens);
  blocks.push_back({drafts, builder.draft_input()});
  blocks.push_back({drafts, builder.layer(model.layer_form(model.layers - 1))});
  blocks.push_back({drafts, builder.head()});
}

}  // namespace

Flops flops(const DecodeAttention& a) {
  return Flops(2 * real(a.sequences) * real(a.kv_heads) * real(a.rows) * a.keys * real(a.qk_width + a.v_width));
}

Bytes traffic(const DecodeAttention& a) { return real(a.sequences) * real(a.kv_heads) * a.keys * a.key_value; }

std::vector<InferenceBlock> inference_program(const ModelSpec& model, const InferencePlan& plan,
                                              const InferencePass& pass) {
  std::map<LayerForm, double> forms;
  for (std::int64_t i = 0; i < model.layers; ++i) forms[model.layer_form(i)] += 1;
  InferenceLayer builder(model, plan, pass);
  std::vector<InferenceBlock> blocks;
  for (const auto& [form, count] : forms) blocks.push_back({count, builder.layer(form)});
  blocks.push_back({1, builder.head()});
  if (!pass.prefill && plan.speculative.tokens > 0) add_drafts(model, plan, pass, blocks);
  return blocks;
}

}  // namespace supernode
