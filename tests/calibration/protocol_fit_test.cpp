#include "calibration/protocol_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace supernode {
namespace {

using namespace literals;

ProtocolRegime regime(Seconds launch, Seconds alpha, double efficiency) {
  ProtocolRegime r;
  r.launch.value = launch;
  r.alpha.value = alpha;
  r.efficiency.value = efficiency;
  return r;
}

// Small data quickly, large data at the better rate. On a port of 100 GB/s the second is the faster one from where
// 5 + 0.5 n + S / 30 GB/s = 40 + 2 n + S / 80 GB/s.
ProtocolFit truth() { return {.regimes = {regime(5_us, 0.5_us, 0.3), regime(40_us, 2_us, 0.8)}}; }

ProtocolRow row_of(std::int64_t steps, Bytes bytes) {
  ProtocolRow row;
  row.options = {{"ring", steps, {}, bytes / 100_GBps}};
  row.ranks = steps + 1;
  row.block = bytes / static_cast<double>(steps + 1);
  return row;
}

std::vector<ProtocolRow> rows_of(const ProtocolFit& fit) {
  std::vector<ProtocolRow> rows;
  for (std::int64_t steps : {1, 3, 7})
    for (double bytes = 1024; bytes < 5e9; bytes *= 4) {
      ProtocolRow row = row_of(steps, Bytes(bytes));
      row.measured = predict(fit, row);
      rows.push_back(row);
    }
  return rows;
}

TEST(ProtocolFit, PredictsTheFastestRegime) {
  // 5 + 3·0.5 us and 300 KB at 30 GB/s: 16.5 us; 300 MB at 80 GB/s and 40 + 3·2 us: 3796 us.
  EXPECT_NEAR(predict(truth(), row_of(3, 300000_B)).value() * 1e6, 16.5, 1e-9);
  EXPECT_NEAR(predict(truth(), row_of(3, 300_MB)).value() * 1e6, 3796, 1e-9);
}

TEST(ProtocolFit, FindsTheRegimesThatMadeTheRows) {
  const ProtocolFitResult result = fit_protocol(rows_of(truth()), {{.regimes = 2}});
  ASSERT_EQ(result.fit.regimes.size(), 2u);
  EXPECT_NEAR(result.fit.regimes[0].alpha.value.value(), 0.5e-6, 0.02e-6);
  EXPECT_NEAR(result.fit.regimes[0].efficiency.value, 0.3, 0.01);
  EXPECT_NEAR(result.fit.regimes[1].alpha.value.value(), 2e-6, 0.1e-6);
  EXPECT_NEAR(result.fit.regimes[1].efficiency.value, 0.8, 0.01);
  EXPECT_LT(result.p90_abs_error, 0.01);
}

// The first regime would be the faster one up to 2 MB of block, but the library leaves it at 100 KB.
TEST(ProtocolFit, FindsALimit) {
  ProtocolFit limited = truth();
  limited.regimes[0].limit.value = 100000_B;
  limited.regimes[0].efficiency.value = 0.7;
  const std::vector<ProtocolRow> rows = rows_of(limited);
  const ProtocolFitResult result = fit_protocol(rows, {{.regimes = 2}});
  const Bytes limit = result.fit.regimes[0].limit.value;
  EXPECT_GT(limit, 50000_B);
  EXPECT_LT(limit, 200000_B);
  EXPECT_LT(result.p90_abs_error, 0.01);
}

// 40 ns a token, which 14 KB of it exceed on a wire of 0.6·100 GB/s (239 ns) and 1 KB does not (17 ns).
TEST(ProtocolFit, FindsTheTimeOfAToken) {
  ProtocolFit handled{.regimes = {regime(10_us, 0.1_us, 0.6)}};
  handled.token.value = Seconds(40e-9);
  std::vector<ProtocolRow> rows;
  for (std::int64_t steps : {1, 3, 7})
    for (double element : {1024, 4096, 14336})
      for (double tokens : {1, 64, 1024, 32768}) {
        ProtocolRow row = row_of(steps, Bytes(element * tokens));
        row.tokens = tokens;
        row.measured = predict(handled, row);
        rows.push_back(row);
      }
  // 10 + 3·0.1 us and 1024 tokens: of 1 KB 40.96 us, of 14336 B 244.67 us.
  EXPECT_NEAR(rows[14].measured.value() * 1e6, 51.26, 1e-6);
  EXPECT_NEAR(rows[22].measured.value() * 1e6, 10.3 + 14336 * 1024 / 60e9 * 1e6, 1e-6);
  const ProtocolFitResult result = fit_protocol(rows, {{}}, false, true);
  EXPECT_NEAR(result.fit.token.value.value(), 40e-9, 1e-9);
  EXPECT_NEAR(result.fit.regimes[0].efficiency.value, 0.6, 0.01);
  EXPECT_EQ(fit_protocol(rows, {{}}).fit.token.value.value(), 0);
}

TEST(ProtocolFit, AnOutlierHardlyMovesIt) {
  std::vector<ProtocolRow> rows = rows_of(truth());
  rows[7].measured *= 10;
  const ProtocolFitResult result = fit_protocol(rows, {{.regimes = 2}});
  EXPECT_NEAR(result.fit.regimes[1].efficiency.value, 0.8, 0.03);
  EXPECT_LT(result.median_abs_error, 0.03);
}

// 60 us and 9 us per doubling of the group, at a given rate: groups of 8, 32 and 128.
TEST(ProtocolFit, FitsTheTimeOfAgreement) {
  ProtocolFit made{.regimes = {regime(60_us, {}, 0.5)}};
  made.regimes[0].sync.value = 9_us;
  std::vector<ProtocolRow> rows;
  for (const std::int64_t n : {8, 32, 128}) {
    ProtocolRow row = row_of(n - 1, 1_MB);
    row.measured = predict(made, row);
    rows.push_back(row);
  }
  EXPECT_NEAR(rows[0].measured.value() * 1e6, 60 + 3 * 9 + 20, 1e-9);
  const ProtocolFitResult result = fit_protocol(rows, {{.alpha = false, .sync = true, .efficiency = 0.5}});
  EXPECT_NEAR(result.fit.regimes[0].sync.value.value(), 9e-6, 0.2e-6);
  EXPECT_NEAR(result.fit.regimes[0].launch.value.value(), 60e-6, 1e-6);
  EXPECT_EQ(result.fit.regimes[0].alpha.value, Seconds{});
  EXPECT_EQ(result.fit.regimes[0].efficiency.value, 0.5);
}

// Each algorithm has regimes of its own; the switch's is an option only where the switch reduces.
TEST(ProtocolFit, KeepsFamiliesApart) {
  ProtocolFit made{.regimes = {regime(5_us, 1_us, 0.5), regime(50_us, 1_us, 0.9)}, .in_network_reduction = true};
  made.regimes[0].algorithms = {"ring"};
  made.regimes[1].algorithms = {"nvls"};
  ProtocolRow row = row_of(7, 80_MB);
  row.options.push_back({"nvls", 6, {}, 400_us});
  EXPECT_NEAR(predict(made, row).value() * 1e6, 50 + 6 + 400 / 0.9, 1e-9);
  made.in_network_reduction = false;
  EXPECT_NEAR(predict(made, row).value() * 1e6, 5 + 7 + 800 / 0.5, 1e-9);
}

TEST(ProtocolFit, IsDeterministic) {
  const ProtocolFitResult a = fit_protocol(rows_of(truth()), {{.regimes = 2}});
  const ProtocolFitResult b = fit_protocol(rows_of(truth()), {{.regimes = 2}});
  EXPECT_EQ(a.fit.regimes[0].launch.value, b.fit.regimes[0].launch.value);
  EXPECT_EQ(a.fit.regimes[1].efficiency.value, b.fit.regimes[1].efficiency.value);
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
  CollectiveProtocol protocol;
  protocol.name = "nccl";
  protocol.system = "box";
  protocol.traces = "a \"quoted\" source";
  protocol.fits["scale_up.all_gather"] = fit_protocol(rows_of(truth()), {{.regimes = 2}}).fit;
  protocol.fits["scale_up.all_gather"].regimes[0].limit.value = 64_KiB;
  protocol.fits["scale_out.all_reduce"] = {.regimes = {regime(5_us, 1_us, 0.5)}, .in_network_reduction = true};
  protocol.fits["scale_out.all_reduce"].regimes[0].algorithms = {"nvls"};
  protocol.algorithms[CollectiveOp::kAllGather] = {"ring"};
  protocol.copy_per_expert = true;
  return protocol;
}

TEST(CollectiveProtocol, EmittedTextReadsBack) {
  Diagnostics diagnostics;
  const CollectiveProtocol back = read(emit_protocol(sample()), diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(back.traces, "a \"quoted\" source");
  EXPECT_EQ(back.algorithms, sample().algorithms);
  EXPECT_TRUE(back.copy_per_expert);
  ASSERT_EQ(back.fits.size(), 2u);
  const ProtocolFit& gather = back.fits.at("scale_up.all_gather");
  ASSERT_EQ(gather.regimes.size(), 2u);
  EXPECT_NEAR(gather.regimes[1].efficiency.value, 0.8, 0.01);
  EXPECT_EQ(gather.regimes[0].limit.value, 64_KiB);
  EXPECT_EQ(gather.regimes[0].launch.confidence, Confidence::kDerived);
  EXPECT_TRUE(back.fits.at("scale_out.all_reduce").in_network_reduction);
  EXPECT_THAT(back.fits.at("scale_out.all_reduce").regimes[0].algorithms, testing::ElementsAre("nvls"));
}

TEST(CollectiveProtocol, AFitWithoutRegimesIsAnError) {
  std::string text = emit_protocol(sample());
  text = text.substr(0, text.find("fits:")) + "fits:\n  scale_up.all_reduce:\n    regimes: []\n";
  Diagnostics diagnostics;
  read(text, diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("has no entry"));
}

// Of three regimes the ring has two, the tree none: it is not run, and forced it takes the ring's.
TEST(CollectiveProtocol, RegimesGoByAlgorithmAndBlock) {
  ProtocolFit fit{.regimes = {regime(1_us, {}, 0.2), regime(2_us, {}, 0.8), regime(3_us, {}, 0.9)}};
  fit.regimes[0].algorithms = fit.regimes[1].algorithms = {"ring"};
  fit.regimes[2].algorithms = {"nvls"};
  fit.regimes[0].limit.value = 64_KiB;
  const auto launches = [&](std::string_view algorithm, Bytes block) {
    std::vector<double> us;
    for (const ProtocolRegime* r : fit.regimes_for(algorithm, block)) us.push_back(r->launch.value.value() * 1e6);
    return us;
  };
  EXPECT_THAT(launches("ring", 64_KiB), testing::ElementsAre(1, 2));
  EXPECT_THAT(launches("ring", 65_KiB), testing::ElementsAre(2));
  EXPECT_THAT(launches("nvls", 1_KiB), testing::ElementsAre(3));
  EXPECT_FALSE(fit.runs("tree"));
  EXPECT_THAT(launches("tree", 1_MiB), testing::ElementsAre(2));
  fit.regimes[1].limit.value = 1_MiB;  // nothing admits more: the highest limit goes on
  EXPECT_THAT(launches("ring", 1_GiB), testing::ElementsAre(2));
}

TEST(CollectiveProtocol, KernelsMadeForDecodingHaveFitsOfTheirOwn) {
  CollectiveProtocol protocol = sample();
  protocol.fits["scale_up.ep_dispatch"] = {.regimes = {regime(1_us, {}, 0.5)}};
  protocol.fits["scale_up.ep_dispatch_low_latency"] = {.regimes = {regime(2_us, {}, 0.5)}};
  CollectiveCall call{CollectiveOp::kEpDispatch, 1_MB, {.topk = 8, .experts = 256, .node_limit = 4}};
  EXPECT_EQ(&protocol.fit(call, false), &protocol.fits.at("scale_up.ep_dispatch"));
  call.routing.low_latency = true;
  EXPECT_EQ(&protocol.fit(call, false), &protocol.fits.at("scale_up.ep_dispatch_low_latency"));
  call.op = CollectiveOp::kEpCombine;  // none of its own: the nearest made for decoding
  EXPECT_EQ(&protocol.fit(call, false), &protocol.fits.at("scale_up.ep_dispatch_low_latency"));
}

// A copy to each of 8 experts: as 8 times the tokens with one expert each.
TEST(CollectiveProtocol, CopiesPerExpertWhereTheKernelsDo) {
  CollectiveProtocol protocol;
  CollectiveCall call{CollectiveOp::kEpDispatch, 1_MB, {.topk = 8, .experts = 256, .node_limit = 4}};
  EXPECT_EQ(protocol.as_moved(call), call);
  protocol.copy_per_expert = true;
  const CollectiveCall moved = protocol.as_moved(call);
  EXPECT_EQ(moved.bytes, 8_MB);
  EXPECT_EQ(moved.routing.topk, 1);
  EXPECT_EQ(moved.routing.node_limit, 0);
  call.op = CollectiveOp::kAllToAll;
  EXPECT_EQ(protocol.as_moved(call), call);
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
