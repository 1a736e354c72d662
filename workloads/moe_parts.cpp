// The MLP half of a MoE layer. A token goes once to each rank that holds any of its experts, where it is copied for
// each of them (DeepEP's dispatch and combine; DeepSeek-V3, arXiv 2412.19437, section 3.2.2). docs/models/moe.md.

#include "base/numeric.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/mlp_parts.hpp"
#include "workloads/moe_exchange.hpp"

namespace supernode {

namespace {

class MoeBuilder {
 public:
  MoeBuilder(const RankShape& shape, const LayerForm& form, EventSource& events)
      : shape_(shape), form_(form), moe_(shape.model.moe), plan_(shape.plan), events_(events), load_(moe_load(shape)) {}

  LayerParts build();
  LayerParts build_shortcut();

 private:
  double local(std::int64_t columns) const { return real(shape_.local_tokens) * real(columns); }
  // The dispatched payload is already in the experts' precision.
  bool arrives_quantised() const {
    return shape_.quantised && plan_.dispatch == plan_.compute && plan_.expert_parallel > 1;
  }

  void add(LayerPart part, RecomputeModule within = RecomputeModule::kMoe);
  void add_all(LayerParts parts);
  void norm(const std::string& name);
  void router();
  void shared_experts();
  void shared_gate();
  void routed_experts();
  void zero_experts();
  void dense_mlp();
  LayerPart copy_part(const std::string& name, bool spreads) const;
  ExchangeParts dispatch(bool async);
  ExchangeParts combine(bool async);

  const RankShape& shape_;
  const LayerForm& form_;
  const MoeSpec& moe_;
  const PlanSpec& plan_;
  EventSource& events_;
  const MoeLoad load_;
  LayerParts parts_;
};

void MoeBuilder::add(LayerPart part, RecomputeModule within) {
  if (part.forward.empty() && part.backward.empty()) return;
  part.within.push_back(within);
  parts_.push_back(std::move(part));
}

void MoeBuilder::add_all(LayerParts parts) {
  for (LayerPart& part : parts) parts_.push_back(std::move(part));
}

void MoeBuilder::norm(const std::string& name) {
  parts_.push_back(norm_part(shape_, name, local(shape_.model.hidden)));
}

// Scores in fp32, then gate function and top-k over [tokens, experts]: two reads and one write each way. A table of
// experts by token spares the search.
void MoeBuilder::router() {
  const std::int64_t outputs = moe_.experts + moe_.zero_experts;
  add(linear_part(shape_,
                  {.name = "moe.router",
                   .kind = LinearKind::kLocal,
                   .rows = shape_.local_tokens,
                   .in = shape_.model.hidden,
                   .out = outputs,
                   .precision = Precision::kFp32,
                   .lora = LoraTarget::kNone},
                  events_));
  if (form_.hash_routed) return;
  const Bytes scores = local(outputs) * bytes_per_element(Precision::kFp32);
  LayerPart top_k;
  for (auto* ops : {&top_k.forward, &top_k.backward}) {
    const std::string name = ops == &top_k.forward ? "moe.topk" : "moe.topk.backward";
    ops->push_back(vector_op(name, ComputeClass::kPermute, VectorKind::kRouter, 2.0 * scores, scores));
  }
  add(top_k);
}

// Tensor-sharded like a dense MLP.
void MoeBuilder::shared_experts() {
  if (shape_.model.shared_width() == 0) return;
  append_mlp(shape_,
             {.prefix = "moe.shared",
              .rows = shape_.tokens,
              .width = shape_.model.shared_width() / shape_.tensor,
              .within = {RecomputeModule::kSharedExperts, RecomputeModule::kMoe}},
             events_, parts_);
  if (moe_.shared_gate) shared_gate();
}

// One score a token, and the branch scaled by its sigmoid.
void MoeBuilder::shared_gate() {
  add(linear_part(shape_,
                  {.name = "moe.shared.gate",
                   .kind = LinearKind::kLocal,
                   .rows = shape_.local_tokens,
                   .in = shape_.model.hidden,
                   .out = 1,
                   .precision = shape_.activation,
                   .lora = LoraTarget::kNone},
                  events_));
  add(vector_part(shape_, "moe.shared.scale", VectorKind::kElementwise, ComputeClass::kVector,
                  local(shape_.model.hidden), {}));
}

// Copies between distinct tokens and one row per token and expert: `spreads` forward, gathers them up backward; the
// part that gathers up forward does the reverse.
LayerPart MoeBuilder::copy_part(const std::string& name, bool spreads) const {
  const double columns = real(shape_.model.hidden) * real(plan_.expert_tensor_parallel);
  const Bytes narrow = load_.distinct * columns * shape_.element, wide = load_.copies * columns * shape_.element;
  const Op spread = vector_op(name, ComputeClass::kPermute, VectorKind::kPermute, narrow, wide);
  const Op gather = vector_op(name, ComputeClass::kPermute, VectorKind::kPermute, wide, narrow);
  LayerPart part;
  part.forward.push_back(spreads ? spread : gather);
  part.backward.push_back(spreads ? gather : spread);
  part.backward.back().name += ".backward";
  return part;
}

ExchangeParts MoeBuilder::dispatch(bool async) {
  return plan_.expert_parallel > 1 ? dispatch_parts(shape_, load_, async, events_) : ExchangeParts{};
}

ExchangeParts MoeBuilder::combine(bool async) {
  return plan_.expert_parallel > 1 ? combine_parts(shape_, load_, async, events_) : ExchangeParts{};
}

// From the tokens that arrived to those that go back.
void MoeBuilder::routed_experts() {
  add(expert_gather_part(shape_, load_));
  add(copy_part("moe.permute", true));
  append_mlp(shape_,
             {.prefix = "moe.experts",
              .rows = load_.expert_rows,
              .width = moe_.ffn / plan_.expert_tensor_parallel,
              .groups = moe_.experts / plan_.expert_parallel,
              .tensor_sharded = false,
              .arrives_quantised = arrives_quantised(),
              .within = {RecomputeModule::kMoe}},
             events_, parts_);
  add(copy_part("moe.unpermute", false));
  add(expert_scatter_part(shape_, load_));
}

// The token itself, weighed and added where a zero-computation expert was chosen.
void MoeBuilder::zero_experts() {
  if (moe_.zero_experts == 0) return;
  add(vector_part(shape_, "moe.zero_experts", VectorKind::kElementwise, ComputeClass::kVector,
                  local(shape_.model.hidden),
                  {.forward_read = 2, .forward_written = 1, .backward_read = 2, .backward_written = 1}));
}

LayerParts MoeBuilder::build() {
  norm("moe.norm");
  shared_experts();
  router();
  ExchangeParts there = dispatch(false), back = combine(false);
  add(there.send);
  routed_experts();
  add(back.send);
  zero_experts();
  if (shape_.model.norms_per_layer > 3) norm("moe.post_norm");
  parts_.push_back(residual_part(shape_, "moe.residual"));
  return std::move(parts_);
}

// The first dense MLP reads what the experts read, so its norm is theirs.
void MoeBuilder::dense_mlp() {
  append_mlp(shape_,
             {.prefix = "mlp",
              .rows = shape_.tokens,
              .width = shape_.model.ffn / shape_.tensor,
              .within = {RecomputeModule::kMlp}},
             events_, parts_);
  if (shape_.model.norms_per_layer > 3) norm("mlp.post_norm");
  parts_.push_back(residual_part(shape_, "mlp.residual"));
}

// LongCat-Flash (arXiv 2509.01322, section 2.2): the experts take the first attention's output and join behind the
// second dense MLP. Dispatch runs beside the first dense MLP, combine beside the second attention and MLP.
LayerParts MoeBuilder::build_shortcut() {
  const bool async = plan_.overlap.shortcut;
  norm("moe.norm");
  router();
  ExchangeParts there = dispatch(async), back = combine(async);
  add(there.send);
  shared_experts();
  dense_mlp();
  add(there.receive);
  routed_experts();
  add(back.send);
  add_all(attention_parts(shape_, form_, events_));
  add_all(mlp_parts(shape_, events_));
  add(back.receive);
  zero_experts();
  parts_.push_back(residual_part(shape_, "moe.residual"));
  return std::move(parts_);
}

}  // namespace

LayerParts moe_parts(const RankShape& shape, const LayerForm& form, EventSource& events) {
  MoeBuilder builder(shape, form, events);
  return shape.model.moe.shortcut ? builder.build_shortcut() : builder.build();
}

}  // namespace supernode
