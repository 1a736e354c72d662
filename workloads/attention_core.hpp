#pragma once
// The attention core: scores of queries and keys, softmax, product with the values, and what context-parallel ranks
// exchange around it. Between the projections, which know nothing of all this. docs/models/step_program.md.

#include <vector>

#include "workloads/layer_part.hpp"

namespace supernode {

// What the tensor-parallel rank's heads have to do on whole sequences (documents, when they are packed).
struct CoreWork {
  std::int64_t batch = 0, length = 0;  // sequences of a micro-batch, tokens of one
  std::int64_t heads = 0, kv_heads = 0, qk_dim = 0, v_dim = 0;
  bool triangle = false;   // a query sees every key before it
  double keys = 0;         // mean keys of a query
  std::int64_t reach = 0;  // keys lie at most so far back; 0 = anywhere

  std::int64_t key_value_columns() const { return kv_heads * (qk_dim + v_dim); }
};
CoreWork core_work(const RankShape& shape, const LayerForm& form);

// Key-value heads of one tensor-parallel rank: with fewer of them than ranks each rank has a copy of one.
std::int64_t rank_kv_heads(const RankShape& shape);

// A rectangle (or the triangle below its diagonal) of scores of each sequence: `keys` are seen by a query on average,
// `held` are there.
struct CoreBlock {
  std::int64_t queries = 0;
  double keys = 0;
  std::int64_t held = 0;
  bool triangle = false;
};
// Its kernels: one of flash attention, or (plan.flash_attention = false) products over all that is held, with the
// scores written and read between.
void append_block(const RankShape& shape, const CoreWork& work, const CoreBlock& block, bool backward,
                  std::vector<Op>& ops);

// The core with its exchanges.
LayerPart core_part(const RankShape& shape, const LayerForm& form, EventSource& events);

}  // namespace supernode
