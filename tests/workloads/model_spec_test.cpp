// Reading models: a good one, and each mistake reported at its place.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workloads/model_catalog_fixture.hpp"

namespace supernode {
namespace {

using testing::HasSubstr;

constexpr const char* kMoe = R"(name: small
layers: 4
hidden: 64
vocab: 100
ffn: 256
attention:
  kind: gqa
  heads: 8
  kv_heads: 2
moe:
  experts: 8
  topk: 2
  ffn: 32
  first_dense: 1
published_parameters: 1.5e6
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ModelSpecBind, ReadsEveryPart) {
  Diagnostics diagnostics;
  const ModelSpec model = read_model(kMoe, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(model.name, "small");
  EXPECT_EQ(model.attention.kind, AttentionKind::kGqa);
  EXPECT_EQ(model.attention.head_dim, 8);  // hidden / heads
  EXPECT_EQ(model.moe.experts, 8);
  EXPECT_TRUE(model.gated_mlp);
  EXPECT_EQ(model.published_parameters, 1.5e6);
  EXPECT_FALSE(model.is_moe(0));
  EXPECT_TRUE(model.is_moe(1));
}

TEST(ModelSpecBind, LatentAttentionTakesHeadsForKeysAndValues) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  EXPECT_EQ(model.attention.kv_heads, 128);
  EXPECT_EQ(model.attention.qk_head_dim(), 192);
  EXPECT_EQ(model.attention.value_head_dim(), 128);
}

struct Mistake {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
  int line;
};

class ModelSpecMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ModelSpecMistake, IsReportedAtItsLine) {
  Diagnostics diagnostics;
  read_model(replaced(kMoe, GetParam().from, GetParam().to), diagnostics);
  ASSERT_EQ(diagnostics.error_count(), 1) << diagnostics.render();
  EXPECT_THAT(diagnostics.all().front().message, HasSubstr(GetParam().message));
  EXPECT_EQ(diagnostics.all().front().position.line, GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    All, ModelSpecMistake,
    testing::Values(
        Mistake{"topk_above_experts", "topk: 2", "topk: 9", "topk (9) exceeds", 12},
        Mistake{"kv_heads_do_not_divide", "kv_heads: 2", "kv_heads: 3", "must divide heads", 9},
        Mistake{"mha_with_kv_heads", "kind: gqa", "kind: mha", "use kind: gqa", 9},
        Mistake{"gqa_without_kv_heads", "  kv_heads: 2\n", "", "missing key 'kv_heads'", 7},
        Mistake{"latent_width_without_mla", "kv_heads: 2", "kv_heads: 2\n  kv_lora_rank: 512", "kind mla only", 10},
        Mistake{"heads_do_not_divide_hidden", "hidden: 64", "hidden: 65", "state head_dim", 8},
        Mistake{"no_moe_layer_left", "first_dense: 1", "first_dense: 4", "leaves no MoE layer", 14},
        Mistake{"dense_layer_without_ffn", "ffn: 256\n", "", "the model has dense layers", 1},
        Mistake{"learned_positions_without_table", "vocab: 100", "vocab: 100\nposition: learned", "max_positions", 1},
        Mistake{"missing_layers", "layers: 4\n", "", "layers is missing", 1},
        Mistake{"unknown_key", "vocab: 100", "vocabulary: 1\nvocab: 100", "unknown key 'vocabulary'", 4},
        Mistake{"unknown_kind", "kind: gqa", "kind: gqq", "did you mean 'gqa'", 7}),
    [](const auto& info) { return info.param.name; });

TEST(ModelSpecBind, LatentAttentionNeedsItsWidths) {
  Diagnostics diagnostics;
  read_model(replaced(replaced(kMoe, "kind: gqa", "kind: mla"), "  kv_heads: 2\n", ""), diagnostics);
  const std::string text = diagnostics.render();
  for (const char* key : {"kv_lora_rank", "nope_head_dim", "rope_head_dim", "v_head_dim"}) {
    EXPECT_THAT(text, HasSubstr(std::string("missing key '") + key + "'"));
  }
}

TEST(ModelSpecBind, DocumentsEveryField) {
  std::vector<FieldDoc> docs;
  SpecReader reader("model", docs);
  ModelSpec model;
  bind(model, reader);
  const auto has = [&](const std::string& path) {
    return std::any_of(docs.begin(), docs.end(),
                       [&](const FieldDoc& doc) { return doc.path == path && !doc.doc.empty(); });
  };
  EXPECT_TRUE(has("model.attention.kv_lora_rank"));
  EXPECT_TRUE(has("model.moe.node_limit"));
  EXPECT_TRUE(has("model.published_active_parameters"));
}

TEST(ModelCatalogue, FilesAreNamedAfterTheirModelsAndSourced) {
  for (const EmbeddedFile& file : model_catalog()) {
    Diagnostics diagnostics;
    const ModelSpec model = read_model(file.text, diagnostics, file.path);
    EXPECT_EQ(file.name, model.name) << file.path;
    EXPECT_FALSE(model.source.empty()) << file.path;
  }
}

}  // namespace
}  // namespace supernode
