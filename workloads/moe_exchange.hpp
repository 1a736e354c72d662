#pragma once
// Tokens on their way to the experts and back.

#include <string>

#include "workloads/moe_load.hpp"

namespace supernode {

// An exchange in two halves that other parts may stand between: what starts it and what waits for it. A blocking one
// has all in `send`.
struct ExchangeParts {
  LayerPart send, receive;
};

// Sends each token to the ranks of its experts in plan.dispatch; backward the gradients come back in plan.combine. With
// `async` the exchange runs beside what stands between the halves, forward and backward.
ExchangeParts dispatch_parts(const RankShape& shape, const MoeLoad& load, bool async, EventSource& events);
// Brings the experts' outputs back in plan.combine. The gradient travels like the input: a dispatch, in the dispatch
// precision (arXiv 2412.19437, section 3.3.3).
ExchangeParts combine_parts(const RankShape& shape, const MoeLoad& load, bool async, EventSource& events);

// Expert tensor parallelism: each expert's matrices are split over its ranks, which therefore need each other's tokens
// (gathered on the way in) and sum their outputs (reduce-scattered on the way out); Megatron-Core, token_dispatcher.py.
LayerPart expert_gather_part(const RankShape& shape, const MoeLoad& load);
LayerPart expert_scatter_part(const RankShape& shape, const MoeLoad& load);

}  // namespace supernode
