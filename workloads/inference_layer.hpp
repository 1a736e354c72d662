#pragma once
// The parts of one layer's forward pass in serving; see inference_program.hpp.

#include <string>
#include <vector>

#include "workloads/inference_program.hpp"

namespace supernode {

// Appends operations of a rank that sees `pass` under `plan`.
class InferenceLayer {
 public:
  InferenceLayer(const ModelSpec& model, const InferencePlan& plan, const InferencePass& pass)
      : model_(model), plan_(plan), pass_(pass), rows_(pass.rows()) {}

  // A whole layer.
  std::vector<InferenceOp> layer(const LayerForm& form);
  // Final norm, output projection of the tokens that need it, sampling.
  std::vector<InferenceOp> head();
  // What a draft does before its layer: two norms and the 2·hidden → hidden projection.
  std::vector<InferenceOp> draft_input();

 private:
  void attention(const LayerForm& form);
  void latent_projections();
  void latent_output();
  void core(const LayerForm& form);
  void prefill_core(const LayerForm& form);
  void decode_core(const LayerForm& form);
  void indexer();
  void state_space();
  void dense_mlp(const std::string& name, std::int64_t width, std::int64_t rows, bool sharded);
  void experts(const LayerForm& form);
  void routed(double rows, std::int64_t groups, std::int64_t width);
  void exchange_experts();

  void gemm(std::string name, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t groups = 1);
  void vector(std::string name, VectorKind kind, double read_elements, double written_elements);
  void norm(std::string name, std::int64_t rows, std::int64_t width);
  void tensor_exchange(std::string name, CollectiveOp op, std::int64_t rows);
  bool latent() const { return model_.attention.kind == AttentionKind::kMla; }
  bool spread() const { return model_.moe.experts > 0 && plan_.expert_parallel > plan_.tensor_parallel; }
  std::int64_t local_rows() const { return (rows_ + plan_.tensor_parallel - 1) / plan_.tensor_parallel; }

  const ModelSpec& model_;
  const InferencePlan& plan_;
  const InferencePass& pass_;
  std::int64_t rows_;
  bool beside_ = false;
  std::vector<InferenceOp> ops_;
};

}  // namespace supernode
