// Reads and checks the mixture-of-experts part of a model.

#include <fmt/format.h>

#include "workloads/model_spec_parts.hpp"

namespace supernode {
namespace {

void check_layers(const MoeSpec& moe, std::int64_t layers, SpecReader& r) {
  if (layers <= 0) return;  // reported as missing
  if (moe.first_dense >= layers) {
    r.error("first_dense", fmt::format("first_dense ({}) leaves no MoE layer of {}", moe.first_dense, layers));
  } else if (moe.every > layers - moe.first_dense) {
    r.error("every", fmt::format("every ({}) leaves no MoE layer of {}", moe.every, layers - moe.first_dense));
  }
  if (moe.hash_layers > layers - moe.first_dense) {
    r.error("hash_layers", fmt::format("hash_layers ({}) exceeds the {} layers behind the dense ones", moe.hash_layers,
                                       layers - moe.first_dense));
  }
}

void check_experts(const MoeSpec& moe, SpecReader& r) {
  if (moe.experts > 0 && moe.topk > moe.experts) {
    r.error("topk", fmt::format("topk ({}) exceeds the number of experts ({})", moe.topk, moe.experts));
  }
  if (moe.shared_ffn > 0 && moe.shared_experts == 0) {
    r.error("shared_ffn", "shared_ffn needs shared_experts of 1 or more");
  }
  if (moe.expected_real > 0 && moe.zero_experts == 0) r.error("expected_real", "expected_real needs zero_experts");
  if (moe.expected_real > static_cast<double>(moe.topk)) {
    r.error("expected_real", fmt::format("expected_real ({}) exceeds topk ({})", moe.expected_real, moe.topk));
  }
  if (moe.shared_gate && moe.shared_experts == 0) {
    r.error("shared_gate", "shared_gate weighs the shared branch; it needs shared_experts of 1 or more");
  }
}

void check_shortcut(const ModelSpec& model, SpecReader& r) {
  if (!model.moe.shortcut) return;
  if (model.ffn <= 0) r.error("shortcut", "a shortcut-connected layer has two dense MLPs; state the model's ffn");
  if (model.moe.first_dense > 0 || model.moe.every > 1) {
    r.error("shortcut", "in a shortcut-connected model each layer is MoE; leave out first_dense and every");
  }
  if (model.attention.kind == AttentionKind::kMamba) r.error("shortcut", "shortcut needs attention, not mamba");
}

}  // namespace

void bind_moe(ModelSpec& model, SpecReader& r) {
  MoeSpec& moe = model.moe;
  const IntegerRange count{.min = 0};
  r.integer({"experts", "routed experts of a layer", kRequired}, moe.experts, {.min = 1, .max = 1 << 20});
  r.integer({"topk", "experts a token chooses, zero-computation ones among them", kRequired}, moe.topk,
            {.min = 1, .max = 1 << 20});
  r.integer({"ffn", "hidden size of one expert", kRequired}, moe.ffn, {.min = 1, .max = 1 << 20});
  r.integer({"shared_experts", "experts that every token goes to"}, moe.shared_experts, count);
  r.integer({"shared_ffn", "total hidden size of the shared branch; 0 = shared_experts x ffn"}, moe.shared_ffn, count);
  r.boolean({"shared_gate", "a sigmoid gate on the shared branch (Qwen2-MoE)"}, moe.shared_gate);
  r.integer({"first_dense", "leading layers with a dense MLP"}, moe.first_dense, count);
  r.integer({"every", "of the layers after those, each so-many-th is MoE"}, moe.every, {.min = 1});
  r.integer({"node_limit", "a token's experts lie on at most so many nodes; 0 = no limit"}, moe.node_limit, count);
  r.integer({"zero_experts", "experts that return their input and cost nothing (LongCat-Flash)"}, moe.zero_experts,
            {.min = 0, .max = 1 << 20});
  r.number({"expected_real", "real experts a token is steered to use on average; 0 = topk x experts / all experts"},
           moe.expected_real, {.min = 0});
  r.integer({"hash_layers", "leading MoE layers whose experts a table picks by token id (DeepSeek-V4)"},
            moe.hash_layers, count);
  r.boolean({"shortcut", "the MoE runs beside a dense branch: two attention blocks and two dense MLPs a layer"},
            moe.shortcut);
  if (r.documenting()) return;
  check_experts(moe, r);
  check_layers(moe, model.layers, r);
  check_shortcut(model, r);
}

}  // namespace supernode
