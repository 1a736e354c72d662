#pragma once
// The parts of a model's YAML: attention and mixture of experts. Called by bind(ModelSpec&, SpecReader&).

#include <string_view>

#include "workloads/model_spec.hpp"

namespace supernode {

// `attention`; the model's hidden size gives the default head width.
void bind_attention(ModelSpec& model, SpecReader& reader);
// `moe`.
void bind_moe(ModelSpec& model, SpecReader& reader);

// Reports a key that is absent though its value must be positive.
void need_key(SpecReader& reader, std::string_view key, std::int64_t value, std::string_view why);

}  // namespace supernode
