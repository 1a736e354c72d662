#include "workloads/host_launches.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

namespace supernode {

namespace {

// Kernels of Megatron-Core's router with fusion, and with the preprocessing of DeepEP fused too (NVIDIA/Megatron-LM,
// docs/discussions/deepseek-v3-gb200-optimization, sections 2.1.4 and 2.2.1).
constexpr std::int64_t kRouterKernels = 31, kRouterKernelsWithDeepEp = 17;

// What a host launches of one operation outside of graphs, under one plan.
class Launches {
 public:
  explicit Launches(const PlanSpec& plan) : plan_(plan) {}

  std::int64_t of(const Op& op) const {
    if (in_graph(op)) return 0;
    if (op.kind != Op::Kind::kCompute || !plan_.launch.experts_apart) return 1;
    if (op.name.starts_with("moe.topk")) return router();
    return is_each_expert(op) ? experts_ : 1;
  }
  // Takes the number of a rank's experts from their products.
  void learn_experts(const std::vector<Op>& ops) {
    for (const Op& op : ops) {
      const auto* gemm = std::get_if<GemmKernel>(&op.kernel);
      if (op.compute_class == ComputeClass::kExpertGemm && gemm != nullptr) experts_ = std::max(experts_, gemm->groups);
    }
  }

 private:
  bool in_graph(const Op& op) const {
    const GraphScope scope = plan_.launch.graphs;
    return scope == GraphScope::kPass || (scope == GraphScope::kStatic && !depends_on_routing(op));
  }
  std::int64_t router() const {
    return plan_.routing.dispatcher == TokenDispatcher::kOnce ? kRouterKernelsWithDeepEp : kRouterKernels;
  }
  // Products of the experts, and what quantises their operands.
  static bool is_each_expert(const Op& op) {
    return op.compute_class == ComputeClass::kExpertGemm ||
           (op.name.starts_with("moe.experts") && op.name.ends_with("cast"));
  }

  const PlanSpec& plan_;
  std::int64_t experts_ = 1;
};

}  // namespace

bool depends_on_routing(const Op& op) {
  constexpr std::array<std::string_view, 7> kRouted = {"moe.dispatch",  "moe.combine", "moe.experts", "moe.permute",
                                                       "moe.unpermute", "moe.sort",    "moe.unsort"};
  return std::any_of(kRouted.begin(), kRouted.end(), [&](std::string_view name) { return op.name.starts_with(name); });
}

void count_launches(StepProgram& program, const PlanSpec& plan) {
  program.one_graph = plan.launch.graphs == GraphScope::kPass;
  for (StageProgram& stage : program.stages) {
    for (auto& passes : stage.chunks) {
      for (PassKind kind : kAllPassKinds) {
        for (PassProgram* pass : {&passes.inner(kind), &passes.edge(kind)}) {
          Launches launches(plan);
          launches.learn_experts(pass->ops);
          for (Op& op : pass->ops) op.launches = launches.of(op);
        }
      }
    }
  }
}

}  // namespace supernode
