// The MLP half of a MoE layer. A token goes once to each rank that holds any of its experts, where it is copied for
// each of them (DeepEP's dispatch and combine; DeepSeek-V3, arXiv 2412.19437, section 3.2.2), or as the plan's
// TokenDispatcher says. docs/models/moe.md.

#include "base/numeric.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/mlp_parts.hpp"
#include "workloads/moe_exchange.hpp"
#include "workloads/unfused_traffic.hpp"

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
  // The exchange with what stands in front of it; the end of the exchange with what stands behind it.
  void send_there(LayerPart send);
  void bring_back(LayerPart last);
  void zero_experts();
  void dense_mlp();
  bool copies_first() const { return plan_.routing.dispatcher == TokenDispatcher::kCopies; }
  void append_maps(LayerPart& part, const std::string& name, RoutingKernels kernels) const;
  LayerPart moved_rows(const std::string& name, double from, double to) const;
  LayerPart copy_part(const std::string& name, bool spreads) const;
  LayerPart sort_part(const std::string& name) const;
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

// Scores in the router's format, then gate function and top-k over [tokens, experts]: two reads and one write each way.
// A table of experts by token spares the search.
void MoeBuilder::router() {
  const std::int64_t outputs = moe_.experts + moe_.zero_experts;
  add(linear_part(shape_,
                  {.name = "moe.router",
                   .kind = LinearKind::kLocal,
                   .rows = shape_.local_tokens,
                   .in = shape_.model.hidden,
                   .out = outputs,
                   .precision = plan_.router,
                   .lora = LoraTarget::kNone},
                  events_));
  if (form_.hash_routed) return;
  LayerPart top_k;
  append_maps(top_k, "moe.topk", plan_.fused.routing ? RoutingKernels{1, 1} : kUnfusedChoice);
  add(top_k);
}

// Kernels over [tokens, experts] maps in fp32, two read and one written.
void MoeBuilder::append_maps(LayerPart& part, const std::string& name, RoutingKernels kernels) const {
  const Bytes map = local(moe_.experts + moe_.zero_experts) * bytes_per_element(Precision::kFp32);
  const auto chain = [&](const std::string& what, int count) {
    return std::vector<Op>(static_cast<std::size_t>(count),
                           vector_op(what, ComputeClass::kPermute, VectorKind::kRouter, 2.0 * map, map));
  };
  for (Op& op : chain(name, kernels.forward)) part.forward.push_back(std::move(op));
  for (Op& op : chain(name + ".backward", kernels.backward)) part.backward.push_back(std::move(op));
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

// `from` rows read, `to` rows written; backward the reverse.
LayerPart MoeBuilder::moved_rows(const std::string& name, double from, double to) const {
  const Bytes row = real(shape_.model.hidden) * shape_.element;
  LayerPart part;
  part.forward.push_back(vector_op(name, ComputeClass::kPermute, VectorKind::kPermute, from * row, to * row));
  part.backward.push_back(
      vector_op(name + ".backward", ComputeClass::kPermute, VectorKind::kPermute, to * row, from * row));
  return part;
}

// Between tokens and one row per token and expert, in front of the exchange or behind it (and behind the gather over
// the ranks that share an expert).
LayerPart MoeBuilder::copy_part(const std::string& name, bool spreads) const {
  const double split = copies_first() ? 1 : real(plan_.expert_tensor_parallel);
  const double narrow = (copies_first() ? real(shape_.local_tokens) : load_.carried) * split;
  const double wide = load_.copies * split;
  LayerPart part = spreads ? moved_rows(name, narrow, wide) : moved_rows(name, wide, narrow);
  if (!plan_.fused.routing) append_maps(part, name + ".map", spreads ? kUnfusedPermutation : kUnfusedUnpermutation);
  return part;
}

// Copies arrive by the rank they come from and are wanted by expert.
LayerPart MoeBuilder::sort_part(const std::string& name) const {
  const bool exchanged = plan_.expert_parallel * plan_.expert_tensor_parallel > 1;
  if (!exchanged || moe_.experts == plan_.expert_parallel) return {};
  const double rows = load_.copies * real(plan_.expert_tensor_parallel);
  return moved_rows(name, rows, rows);
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
  add(copies_first() ? sort_part("moe.sort") : copy_part("moe.permute", true));
  append_mlp(shape_,
             {.prefix = "moe.experts",
              .rows = load_.expert_rows,
              .width = moe_.ffn / plan_.expert_tensor_parallel,
              .groups = moe_.experts / plan_.expert_parallel,
              .tensor_sharded = false,
              .arrives_quantised = arrives_quantised(),
              .within = {RecomputeModule::kMoe}},
             events_, parts_);
  add(copies_first() ? sort_part("moe.unsort") : copy_part("moe.unpermute", false));
  add(expert_scatter_part(shape_, load_));
}

void MoeBuilder::send_there(LayerPart send) {
  if (copies_first()) add(copy_part("moe.permute", true));
  add(std::move(send));
}

void MoeBuilder::bring_back(LayerPart last) {
  add(std::move(last));
  if (copies_first()) add(copy_part("moe.unpermute", false));
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
  send_there(there.send);
  routed_experts();
  bring_back(back.send);
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
  send_there(there.send);
  shared_experts();
  dense_mlp();
  add(there.receive);
  routed_experts();
  add(back.send);
  add_all(attention_parts(shape_, form_, events_));
  add_all(mlp_parts(shape_, events_));
  bring_back(back.receive);
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
