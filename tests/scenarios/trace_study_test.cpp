// Studies of traces: what is grouped how, and that no text whatever brings one down.
#include "scenarios/trace_study.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "scenarios/import_run.hpp"
#include "scenarios/validation_table.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

const std::string kKernels =
    "chip,op,phase,dtype,m,n,k,groups,batch,heads,kv_heads,head_dim,seq_q,seq_kv,causal,time_us,tflops,source\n"
    "h100-sxm,gemm,fwd,bf16,8192,8192,8192,,,,,,,,,1404.8,,a/b@1:x\n"
    "ascend-910c-die,attention,fwd,bf16,,,,,1,16,16,128,4096,4096,True,900,,\"c, d\"\n";

TEST(TraceStudy, IntervalsAreLogNormal) {
  Diagnostics diagnostics;
  const auto study = study_kernels({"t.csv", kKernels}, false, diagnostics);
  ASSERT_TRUE(study) << diagnostics.render();
  for (const StudiedRow& row : study->rows) {
    EXPECT_EQ(row.score.skipped, "");
    const double relative = row.deviation.value() * 1e6 / row.score.predicted;
    EXPECT_GT(relative, 0);
    EXPECT_NEAR(row.score.high, row.score.predicted * std::exp(1.645 * relative), 1e-9 * row.score.high);
    EXPECT_NEAR(row.score.low * row.score.high, row.score.predicted * row.score.predicted, 1e-6 * row.score.high);
  }
  EXPECT_EQ(study->rows[0].score.measured, 1404.8);
}

TEST(TraceStudy, PublicationsAreRepositoriesAndPapers) {
  EXPECT_EQ(publication("github NVIDIA/dgxc-benchmarking tag v25.04 ft_llama3"), "NVIDIA/dgxc-benchmarking");
  EXPECT_EQ(publication("ai-dynamo/aiconfigurator@095f:aic/data (derived)"), "ai-dynamo/aiconfigurator");
  EXPECT_EQ(publication("arXiv 2402.15627 (MegaScale), table 2"), "arXiv 2402.15627");
  EXPECT_EQ(publication(""), "");
}

// `text` with a few bytes replaced, dropped or doubled.
std::string damaged(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "\"\",,,\n\r\t -+.eE0123456789xnaN\xEF\xBB\xFF";
  for (int i = 0; i < 4; ++i) {
    const std::size_t at = random() % text.size();
    const char byte = kBytes[random() % kBytes.size()];
    switch (random() % 3) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.erase(at, 1 + random() % 8);
        break;
      default:
        text.insert(at, 1, byte);
    }
  }
  return text;
}

TEST(TraceStudy, DamagedTablesAreReportedOrPredicted) {
  std::mt19937 random(5);
  for (int i = 0; i < 400; ++i) {
    const std::string text = damaged(kKernels, random);
    Diagnostics strict, lenient;
    const auto study = study_kernels({"t.csv", text}, false, strict);
    EXPECT_EQ(study.has_value(), !strict.has_errors()) << text;
    const auto rest = study_kernels({"t.csv", text}, true, lenient);
    if (!rest) continue;
    for (const StudiedRow& row : rest->rows)
      if (row.score.skipped.empty()) EXPECT_TRUE(std::isfinite(row.score.ratio()) && row.score.ratio() > 0) << text;
  }
}

TEST(TraceStudy, DamagedTablesOfRunsAreReportedOrImported) {
  std::ifstream stream(std::string(SUPERNODE_SOURCE_DIR) + "/calibration/published/nanotron.csv");
  const std::string shipped(std::istreambuf_iterator<char>(stream), {});
  std::mt19937 random(6);
  for (int i = 0; i < 100; ++i) {
    const SourceFile file{"t.csv", damaged(shipped, random)};
    Diagnostics diagnostics;
    const auto table = CsvTable::parse(file, {}, diagnostics);
    if (!table) continue;
    const auto runs = check_runs(file, *table, diagnostics);
    if (!runs || diagnostics.has_errors()) continue;
    for (const PublishedRun& run : *runs) import_run(run);
  }
}

}  // namespace
}  // namespace supernode
