#include "workloads/mlp_parts.hpp"

#include "base/numeric.hpp"
#include "workloads/unfused_traffic.hpp"

namespace supernode {

namespace {

// SwiGLU reads gate and up and writes one tensor; its backward reads both and the gradient, and writes two. A plain
// activation reads one and writes one; its backward reads two and writes one.
LayerPart activation_part(const RankShape& shape, const MlpShape& mlp) {
  const double elements = real(mlp.groups) * real(mlp.rows) * real(mlp.width);
  const VectorTraffic gated{.forward_read = 2, .forward_written = 1, .backward_read = 3, .backward_written = 2};
  VectorTraffic traffic = !shape.model.gated_mlp       ? VectorTraffic{}
                          : shape.plan.fused.activation ? gated
                                                        : kUnfusedGatedActivation;
  const int launches = shape.plan.fused.experts ? 1 : static_cast<int>(mlp.groups);
  traffic.forward_kernels *= launches, traffic.backward_kernels *= launches;
  return vector_part(shape, mlp.prefix + ".activation", VectorKind::kElementwise, ComputeClass::kVector, elements,
                     traffic, RecomputeModule::kActivation);
}

}  // namespace

void append_mlp(const RankShape& shape, const MlpShape& mlp, EventSource& events, LayerParts& parts) {
  const std::int64_t hidden = shape.model.hidden;
  const ComputeClass compute_class = mlp.tensor_sharded ? ComputeClass::kDenseGemm : ComputeClass::kExpertGemm;
  Linear up{.name = mlp.prefix + ".up",
            .kind = mlp.tensor_sharded ? LinearKind::kColumn : LinearKind::kLocal,
            .compute_class = compute_class,
            .rows = mlp.rows,
            .in = hidden,
            .out = (shape.model.gated_mlp ? 2 : 1) * mlp.width,
            .groups = mlp.groups,
            .precision = shape.plan.compute,
            .cast_input = !mlp.arrives_quantised};
  Linear down{.name = mlp.prefix + ".down",
              .kind = mlp.tensor_sharded ? LinearKind::kRow : LinearKind::kLocal,
              .compute_class = compute_class,
              .rows = mlp.rows,
              .in = mlp.width,
              .out = hidden,
              .groups = mlp.groups,
              .precision = shape.plan.compute,
              .cast_gradient = !mlp.arrives_quantised};
  for (LayerPart& part :
       LayerParts{linear_part(shape, up, events), activation_part(shape, mlp), linear_part(shape, down, events)}) {
    part.within = mlp.within;
    parts.push_back(std::move(part));
  }
}

LayerParts mlp_parts(const RankShape& shape, EventSource& events) {
  const double local = real(shape.local_tokens) * real(shape.model.hidden);
  LayerParts parts;
  if (shape.model.ffn == 0) return parts;  // a layer that only mixes tokens (Mamba)
  parts.push_back(norm_part(shape, "mlp.norm", local));
  append_mlp(shape,
             {.prefix = "mlp",
              .rows = shape.tokens,
              .width = shape.model.ffn / shape.tensor,
              .within = {RecomputeModule::kMlp}},
             events, parts);
  if (shape.model.norms_per_layer > 3) parts.push_back(norm_part(shape, "mlp.post_norm", local));
  parts.push_back(residual_part(shape, "mlp.residual"));
  return parts;
}

}  // namespace supernode
