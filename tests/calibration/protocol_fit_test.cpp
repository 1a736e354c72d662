#include "calibration/protocol_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace supernode {
namespace {

using namespace literals;

ProtocolFit truth() {
  ProtocolFit fit;
  fit.launch.value = 12_us;
  fit.alpha.value = 1.5_us;
  fit.efficiency.value = 0.8;
  fit.half_size.value = 512_KiB;
  return fit;
}

std::vector<ProtocolRow> rows_of(const ProtocolFit& fit) {
  std::vector<ProtocolRow> rows;
  for (std::int64_t steps : {2, 6, 14, 30})
    for (double bytes = 1024; bytes < 5e9; bytes *= 8) {
      ProtocolRow row;
      row.steps = steps;
      // Ports of 50, 150, 350 and 750 GB/s: on a single one half_size would only add a constant to launch.
      row.wire = Bytes(bytes) / (static_cast<double>(steps) * 25_GBps);
      row.chunk = Bytes(bytes);
      row.measured = predict(fit, steps, row.wire, row.chunk);
      rows.push_back(row);
    }
  return rows;
}

TEST(ProtocolFit, PredictsByTheFormula) {
  // 12 + 2 x 1.5 us, and 1 ms of wire at half of 0.8 because the chunk equals half_size.
  EXPECT_NEAR(predict(truth(), 2, 1_ms, 512_KiB).value(), 15e-6 + 1e-3 / 0.4, 1e-15);
  EXPECT_NEAR(predict(truth(), 2, 0_s, 0_B).value(), 15e-6, 1e-18);
}

TEST(ProtocolFit, RecoversKnownParameters) {
  const ProtocolFitResult result = fit_protocol(rows_of(truth()));
  EXPECT_NEAR(result.fit.launch.value.value(), 12e-6, 0.2e-6);
  EXPECT_NEAR(result.fit.alpha.value.value(), 1.5e-6, 0.03e-6);
  EXPECT_NEAR(result.fit.efficiency.value, 0.8, 0.005);
  EXPECT_NEAR(result.fit.half_size.value.value(), 524288, 20000);
  EXPECT_LT(result.p90_abs_error, 0.005);
  EXPECT_EQ(result.rows, 32);
}

TEST(ProtocolFit, AnOutlierHardlyMovesIt) {
  std::vector<ProtocolRow> rows = rows_of(truth());
  rows[7].measured *= 10;
  const ProtocolFitResult result = fit_protocol(rows);
  EXPECT_NEAR(result.fit.efficiency.value, 0.8, 0.03);
  EXPECT_LT(result.median_abs_error, 0.03);
}

TEST(ProtocolFit, OneStepCountAndPortLeaveTheSplitButFitTheSum) {
  std::vector<ProtocolRow> rows;
  for (const ProtocolRow& row : rows_of(truth()))
    if (row.steps == 6) rows.push_back(row);
  const ProtocolFitResult result = fit_protocol(rows);
  const ProtocolFit& fit = result.fit;
  // 12 + 6 x 1.5 us, and 512 KiB at 0.8 of 150 GB/s = 4.369067 us: all that a small message takes.
  const Seconds constant =
      fit.launch.value + 6.0 * fit.alpha.value + fit.half_size.value / (fit.efficiency.value * 150_GBps);
  EXPECT_NEAR(constant.value(), 25.369067e-6, 0.05e-6);
  EXPECT_LT(result.p90_abs_error, 0.002);
}

TEST(ProtocolFit, IsDeterministic) {
  const ProtocolFitResult a = fit_protocol(rows_of(truth()));
  const ProtocolFitResult b = fit_protocol(rows_of(truth()));
  EXPECT_EQ(a.fit.launch.value, b.fit.launch.value);
  EXPECT_EQ(a.fit.half_size.value, b.fit.half_size.value);
}

CollectiveProtocol read(const std::string& text, Diagnostics& diagnostics) {
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"p.yaml", text}), diagnostics);
  CollectiveProtocol protocol;
  SpecReader reader(node, "", diagnostics);
  bind(protocol, reader);
  reader.finish();
  return protocol;
}

CollectiveProtocol sample() {
  CollectiveProtocol protocol{.name = "nccl", .system = "box", .fits = {}, .traces = "a \"quoted\" source"};
  protocol.fits["scale_up.all_gather"] = fit_protocol(rows_of(truth())).fit;
  protocol.fits["scale_out.all_reduce"] = fit_protocol(rows_of(truth())).fit;
  protocol.fits["scale_out.all_reduce"].in_network_reduction = true;
  protocol.algorithms[CollectiveOp::kAllGather] = {"ring"};
  return protocol;
}

TEST(CollectiveProtocol, EmittedTextReadsBack) {
  Diagnostics diagnostics;
  const CollectiveProtocol back = read(emit_protocol(sample()), diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(back.traces, "a \"quoted\" source");
  EXPECT_EQ(back.algorithms, sample().algorithms);
  ASSERT_EQ(back.fits.size(), 2u);
  EXPECT_TRUE(back.fits.at("scale_out.all_reduce").in_network_reduction);
  EXPECT_NEAR(back.fits.at("scale_up.all_gather").efficiency.value, 0.8, 0.005);
  EXPECT_EQ(back.fits.at("scale_up.all_gather").launch.confidence, Confidence::kDerived);
}

TEST(CollectiveProtocol, FallsBackToTheNearestOperationThenToTheOtherScope) {
  const CollectiveProtocol protocol = sample();
  const auto* gather = &protocol.fits.at("scale_up.all_gather");
  const auto* reduce = &protocol.fits.at("scale_out.all_reduce");
  EXPECT_EQ(&protocol.fit(CollectiveOp::kAllGather, false), gather);
  EXPECT_EQ(&protocol.fit(CollectiveOp::kReduceScatter, false), gather);
  EXPECT_EQ(&protocol.fit(CollectiveOp::kEpDispatch, false), gather);
  EXPECT_EQ(&protocol.fit(CollectiveOp::kSendRecv, true), reduce);
  CollectiveProtocol one = protocol;
  one.fits.erase("scale_out.all_reduce");
  EXPECT_EQ(&one.fit(CollectiveOp::kAllReduce, true), &one.fits.at("scale_up.all_gather"));
}

TEST(CollectiveProtocol, UnknownOperationIsAnErrorWithASuggestion) {
  std::string text = emit_protocol(sample());
  text.replace(text.find("scale_up.all_gather"), 19, "scale_up.all_gahter");
  Diagnostics diagnostics;
  read(text, diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("did you mean 'scale_up.all_gather'?"));
}

}  // namespace
}  // namespace supernode
