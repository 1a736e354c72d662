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

INSTANTIATE_TEST_SUITE_P(
    Additions, ModelSpecMistake,
    testing::Values(
        Mistake{"indexer_without_latent", "kv_heads: 2", "kv_heads: 2\n  indexer: {heads: 4, head_dim: 8, topk: 16}",
                "kind mla and compressed only", 10},
        Mistake{"compression_of_grouped_heads", "kv_heads: 2", "kv_heads: 2\n  compression: {output_rank: 8}",
                "kind compressed only", 10},
        Mistake{"full_layers_without_window", "kv_heads: 2", "kv_heads: 2\n  full_every: 2", "needs a window", 10},
        Mistake{"no_heads", "  heads: 8\n", "", "missing key 'heads'", 7},
        Mistake{"no_vocab", "vocab: 100\n", "", "missing key 'vocab'", 1},
        Mistake{"patches_of_language", "vocab: 100", "vocab: 100\npatch_channels: 4", "belongs to kind: diffusion", 5},
        Mistake{"vocab_of_diffusion", "vocab: 100",
                "vocab: 100\nkind: diffusion\npatch_channels: 4\ncondition_width: 8", "belongs to a language model", 4},
        Mistake{"tied_head_of_its_own", "vocab: 100", "vocab: 100\noutput_vocab: 10\ntied_embeddings: true",
                "a tied head is the input table", 5},
        Mistake{"shared_gate_of_nothing", "topk: 2", "topk: 2\n  shared_gate: true", "shared_gate weighs", 13},
        Mistake{"shortcut_with_dense_layers", "topk: 2", "topk: 2\n  shortcut: true", "each layer is MoE", 13},
        Mistake{"steered_without_zero_experts", "topk: 2", "topk: 2\n  expected_real: 1", "needs zero_experts", 13},
        Mistake{"more_hash_layers_than_layers", "topk: 2", "topk: 2\n  hash_layers: 4", "exceeds the 3 layers", 13},
        Mistake{"total_with_modules_it_has_not", "vocab: 100", "vocab: 100\npublished_with_mtp: true",
                "needs mtp_layers", 5}),
    [](const auto& info) { return info.param.name; });

TEST(ModelSpecBind, CompressedAttentionTakesTurns) {
  const ModelSpec flash = catalogue_model("deepseek-v4-flash"), pro = catalogue_model("deepseek-v4-pro");
  EXPECT_EQ(flash.attention.kv_heads, 1);
  EXPECT_TRUE(flash.layer_form(1).windowed);
  EXPECT_TRUE(flash.layer_form(2).sparse && flash.layer_form(2).indexes);
  EXPECT_FALSE(flash.layer_form(3).sparse || flash.layer_form(3).windowed);
  // 31 of DeepSeek-V4-Pro's layers are HCA and 30 CSA, the first two HCA.
  std::int64_t sparse = 0;
  for (std::int64_t layer = 0; layer < pro.layers; ++layer) sparse += pro.layer_form(layer).sparse ? 1 : 0;
  EXPECT_EQ(sparse, 30);
  EXPECT_FALSE(pro.layer_form(0).sparse || pro.layer_form(1).sparse);
  EXPECT_TRUE(pro.layer_form(2).hash_routed);
  EXPECT_FALSE(pro.layer_form(3).hash_routed);
}

TEST(ModelSpecBind, StateSpaceLayersHaveHeadsOfTheirInnerWidth) {
  const ModelSpec model = catalogue_model("mamba2-2.7b");
  EXPECT_EQ(model.attention.heads, 2 * 2560 / 64);
  EXPECT_EQ(model.ffn, 0);
}

TEST(ModelSpecBind, WindowsAndFullLayersAlternate) {
  const ModelSpec model = catalogue_model("gpt-oss-20b");
  EXPECT_TRUE(model.layer_form(0).windowed);
  EXPECT_FALSE(model.layer_form(1).windowed);
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
  for (const char* path : {"model.kind", "model.attention.indexer.share", "model.attention.compression.output_rank",
                           "model.attention.mamba.state", "model.moe.zero_experts", "model.moe.shortcut",
                           "model.residual_streams", "model.condition_width"}) {
    EXPECT_TRUE(has(path)) << path;
  }
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
