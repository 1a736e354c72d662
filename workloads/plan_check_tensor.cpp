// What tensor parallelism must divide: heads, widths and, with sequence parallelism, the tokens of a rank.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "workloads/plan_check.hpp"

namespace supernode {

namespace {

struct Size {
  std::string_view what;
  std::int64_t size = 0;
};

std::int64_t mamba_heads(const ModelSpec& model) {
  return model.attention.mamba.expand * model.hidden / model.attention.mamba.head_dim;
}

// What must divide by TP. The vocabulary need not: it is padded (padded_vocab).
std::vector<Size> sizes(const PlanCheck& check) {
  const ModelSpec& model = check.model;
  const bool mamba = model.attention.kind == AttentionKind::kMamba;
  std::vector<Size> all = {mamba ? Size{"mamba heads", mamba_heads(model)} : Size{"heads", model.attention.heads},
                           {"hidden", model.hidden},
                           {"ffn", model.ffn},
                           {"shared_ffn", model.shared_width()}};
  const std::int64_t cp = check.plan.context_parallel;
  if (check.plan.sequence_parallel && check.plan.sequence_length % cp == 0) {
    all.push_back({cp > 1 ? "sequence_length / context_parallel" : "sequence_length", check.plan.local_sequence()});
  }
  return all;
}

bool has_kv_heads(const ModelSpec& model) {
  return model.attention.kind != AttentionKind::kMla && model.attention.kind != AttentionKind::kMamba;
}

// Whole key-value heads a rank: either an even share, or, with fewer heads than ranks, one head on several ranks.
// (Megatron-Core replicates nothing and asks for the former; MindSpeed and NeMo replicate.)
bool kv_fits(const ModelSpec& model, std::int64_t tensor) {
  const std::int64_t heads = model.attention.kv_heads;
  return !has_kv_heads(model) || heads == 0 || heads % tensor == 0 || tensor % heads == 0;
}

}  // namespace

void check_tensor(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t tp = plan.tensor_parallel;
  if (tp % plan.tensor_y != 0) {
    const auto divides = [&](std::int64_t y) { return tp % y == 0; };
    check.error("tensor_y", fmt::format("tensor_y {} does not divide tensor_parallel {}{}", plan.tensor_y, tp,
                                        nearest_legal(plan.tensor_y, tp, divides, kDoes)));
  }
  const AttentionKind kind = check.model.attention.kind;
  if (plan.tensor_y > 1 &&
      ((kind != AttentionKind::kMha && kind != AttentionKind::kGqa) || check.model.moe.experts > 0)) {
    check.error("tensor_y", fmt::format("tensor_y {} is for dense models with mha or gqa attention; tensor_y 1 fits",
                                        plan.tensor_y));
  }
  if (plan.overlap.tensor && tp == 1) {
    check.warning("overlap", "overlap.tensor has no effect: tensor_parallel is 1");
  }
  if (tp == 1) return;
  const std::vector<Size> all = sizes(check);
  const auto fits = [&](std::int64_t v) {
    const auto divides = [&](const Size& s) { return s.size % v == 0; };
    return std::all_of(all.begin(), all.end(), divides) && kv_fits(check.model, v);
  };
  for (const auto& [what, size] : all) {
    if (size % tp == 0) continue;
    check.error("tensor_parallel", fmt::format("{} {} is not divisible by tensor_parallel {}{}", what, size, tp,
                                               nearest_legal(tp, size, fits, kIs)));
  }
  if (kind == AttentionKind::kCompressed && check.model.attention.compression.output_groups % tp != 0) {
    check.error("tensor_parallel", fmt::format("output_groups {} is not divisible by tensor_parallel {}",
                                               check.model.attention.compression.output_groups, tp));
  }
  if (!kv_fits(check.model, tp)) {
    const std::int64_t heads = check.model.attention.kv_heads;
    check.error("tensor_parallel",
                fmt::format("kv_heads {} is neither a multiple nor a divisor of tensor_parallel {}{}", heads, tp,
                            nearest_legal(tp, check.model.attention.heads, fits, kIs)));
  }
}

}  // namespace supernode
