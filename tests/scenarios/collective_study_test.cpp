// One collective as a study: its numbers against the cost model and hand algebra, its group, its bound, its sweep.
#include "scenarios/collective_study.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "scenarios/collective_concurrent.hpp"
#include "scenarios/collective_json.hpp"
#include "scenarios/collective_sweep.hpp"
#include "scenarios/csv_text.hpp"
#include "scenarios/expert_histogram.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

StudySystem load(const std::string& name, const std::vector<Override>& overrides = {}) {
  Diagnostics diagnostics;
  auto study = load_study_system(name, overrides, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  if (!study) throw std::runtime_error("no system " + name);
  return std::move(*study);
}

CollectiveRequest ask(CollectiveOp op, const std::vector<Override>& settings) {
  CollectiveRequest request(op);
  Diagnostics diagnostics;
  for (const Override& setting : settings) read_setting(request, setting, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  finish_request(request);
  return request;
}

std::string refusal(const CollectiveRequest& request, const StudySystem& study) {
  try {
    study_collective(request, study);
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "";
}

StudyOptions flow() { return {.rivals = false, .flow = FlowStudy{}, .links = 5}; }

// 8 GPUs with ports of 450 GB/s behind two links of 0.3 us: of 3.6 GB each sends 7/8 in 7 ms.
TEST(CollectiveStudy, FlowAllToAllOfOneNode) {
  const StudySystem study = load("hgx-h100");
  const auto answer =
      study_collective(ask(CollectiveOp::kAllToAll, {{"bytes", "3.6 GB"}, {"algorithm", "direct"}}), study, flow());
  EXPECT_NEAR(answer.time.value(), 7e-3 + 0.6e-6, 1e-9);
  EXPECT_NEAR(answer.bound.port.value(), 7e-3, 1e-12);
  EXPECT_NEAR(answer.bound.latency.value(), 0.6e-6, 1e-12);
  EXPECT_EQ(answer.ranks, 8);
  EXPECT_EQ(answer.flows, 56);
  EXPECT_NEAR(answer.bus_bandwidth.value(), 450e9, 450e9 * 1e-3);
  ASSERT_FALSE(answer.links.empty());
  EXPECT_NEAR(answer.links[0].bytes.value(), 3.15e9, 1) << "a port carries what its rank sends";
  EXPECT_NEAR(answer.links[0].utilisation, 7.0 / 7.0006, 1e-6);
}

// A ring of 8: 14 rounds of 1/8 of 3.6 GB, 1 ms and 0.6 us each.
TEST(CollectiveStudy, FlowRingAllReduceOfOneNode) {
  const auto answer = study_collective(ask(CollectiveOp::kAllReduce, {{"bytes", "3.6 GB"}, {"algorithm", "ring"}}),
                                       load("hgx-h100"), flow());
  EXPECT_NEAR(answer.time.value(), 14 * (1e-3 + 0.6e-6), 1e-8);
  EXPECT_EQ(answer.flows, 14 * 8);
  EXPECT_NEAR(answer.bus_factor, 1.75, 1e-12);
  EXPECT_NEAR(answer.bus_bandwidth / answer.algorithm_bandwidth, 1.75, 1e-9);
  EXPECT_NEAR(answer.bound.port.value(), 14e-3, 1e-12);
}

// One of four NVSwitch chips down: each port has 3/4 left.
TEST(CollectiveStudy, APlaneDownIsComparedWithTheHealthyFabric) {
  const StudySystem study = load("hgx-h100", {{"faults.planes", "{scale_up: 1}"}});
  const auto answer =
      study_collective(ask(CollectiveOp::kAllToAll, {{"bytes", "3.6 GB"}, {"algorithm", "direct"}}), study, flow());
  EXPECT_NEAR(answer.time.value(), 7e-3 * 4 / 3 + 0.6e-6, 1e-9);
  ASSERT_TRUE(answer.healthy);
  EXPECT_NEAR(answer.healthy->value(), 7e-3 + 0.6e-6, 1e-9);
  EXPECT_NEAR(answer.bound.port.value(), 7e-3 * 4 / 3, 1e-12);
  EXPECT_EQ(answer.faults.size(), 1u);
}

TEST(CollectiveStudy, AgreesWithTheCostModel) {
  const StudySystem study = load("hgx-h100");
  const Fabric fabric = build_fabric(study.system.spec, 16);
  std::vector<DeviceId> members;
  for (int i = 0; i < 16; ++i) members.push_back(DeviceId(i));
  CollectiveCostModel model(fabric, study.protocol);
  const CollectiveCost cost = model.cost({CollectiveOp::kAllReduce, Bytes(1 << 26), {}}, members);
  const auto answer = study_collective(ask(CollectiveOp::kAllReduce, {{"bytes", "64 MiB"}, {"ranks", "16"}}), study);
  EXPECT_EQ(answer.chips, 16) << "as many nodes as hold the ranks";
  EXPECT_DOUBLE_EQ(answer.time.value(), cost.time.value());
  EXPECT_EQ(answer.algorithm, cost.algorithm);
  EXPECT_NEAR((answer.software + answer.hops + answer.wire).value(), answer.time.value(), 1e-15);
  EXPECT_GT(answer.software.value(), 0);
  EXPECT_EQ(answer.fit, "scale_out.all_reduce");
}

// CloudMatrix has no fit of all-to-all; reduce-scatter stands on its own.
TEST(CollectiveStudy, SaysWhoseFitItStandsOn) {
  const StudySystem study = load("cloudmatrix-384");
  ASSERT_FALSE(study.protocol.fits.contains("scale_up.all_to_all"));
  const auto borrowed = study_collective(ask(CollectiveOp::kAllToAll, {{"bytes", "1 MiB"}, {"ranks", "16"}}), study);
  EXPECT_EQ(borrowed.missing_fit, "scale_up.all_to_all");
  EXPECT_EQ(borrowed.fit, "scale_up.all_gather");
  EXPECT_EQ(collective_json(borrowed, study)["protocol"]["missing_fit"], "scale_up.all_to_all");
  EXPECT_EQ(collective_json(borrowed, study)["protocol"]["own_fit"], false);
  const auto own = study_collective(ask(CollectiveOp::kAllGather, {{"bytes", "1 MiB"}, {"ranks", "16"}}), study);
  EXPECT_EQ(own.missing_fit, "");
  EXPECT_TRUE(collective_json(own, study)["protocol"]["missing_fit"].is_null());
}

// The regime priced in is the one whose latency the answer has: exactly, at every size.
TEST(CollectiveStudy, PartsAreThoseOfTheRegimePricedIn) {
  const StudySystem study = load("hgx-h100");
  const Fabric fabric = build_fabric(study.system.spec, 16);
  std::vector<DeviceId> members;
  for (int i = 0; i < 16; ++i) members.push_back(DeviceId(i));
  CollectiveCostModel model(fabric, study.protocol);
  for (const double bytes : {1e3, 1e5, 1e7, 1e9}) {
    const CollectiveCall call{CollectiveOp::kAllReduce, Bytes(bytes), {}};
    const CollectiveCost cost = model.cost(call, members);
    EXPECT_NEAR((cost.software + cost.hops + cost.wire) / cost.time, 1, 1e-12);
    EXPECT_GT(cost.hops.value(), 0);
    const auto& regimes = study.protocol.fit(call, true).regimes;
    EXPECT_EQ(cost.software, regimes.at(static_cast<std::size_t>(cost.regime)).latency(cost.rounds, 16));
  }
}

// Chip 5 takes node 0 out: the ranks are on nodes 1 and 2, two at once too, and nothing is slower there.
TEST(CollectiveStudy, RanksRunOnHealthyNodes) {
  const std::vector<Override> dead = {{"faults.chips", "[5]"}, {"spare_nodes", "1"}};
  const StudySystem study = load("hgx-h100", dead);
  const auto request = ask(CollectiveOp::kAllToAll, {{"bytes", "64 MiB"}, {"ranks", "16"}});
  const auto answer = study_collective(request, study);
  EXPECT_EQ(answer.chips, 16);
  EXPECT_NEAR(answer.time / *answer.healthy, 1, 1e-9);
  bool first = false;  // healthy node, whose links lead the others of their kind
  for (const BusyLink& link : answer.links) {
    for (int dead_node = 0; dead_node < 8; ++dead_node)
      EXPECT_THAT(link.name + " ", ::testing::Not(HasSubstr("device" + std::to_string(dead_node) + " ")));
    first = first || link.name.find("device8 ") != std::string::npos;
  }
  EXPECT_TRUE(first);
  const ConcurrentAnswer both = study_concurrent({request, request}, study);
  EXPECT_NEAR(both.parts[0].alone / both.parts[1].alone, 1, 1e-9);
  for (const BusyLink& link : both.links) EXPECT_THAT(link.name + " ", ::testing::Not(HasSubstr("device0 ")));
}

TEST(CollectiveStudy, TooFewHealthyNodes) {
  StudySystem study = load("hgx-h100");
  study.system.spec.faults.chips = {5};
  EXPECT_THAT(refusal(ask(CollectiveOp::kAllToAll, {{"bytes", "64 MiB"}, {"ranks", "16"}}), study),
              HasSubstr("set spare_nodes: 1"));
}

TEST(CollectiveStudy, TheChosenAlgorithmIsTheFastestOfTheLibrary) {
  const auto answer = study_collective(ask(CollectiveOp::kAllReduce, {{"bytes", "64 MiB"}}), load("hgx-h100"));
  bool seen = false;
  for (const AlgorithmTime& each : answer.rivals) {
    if (each.algorithm == answer.algorithm) seen = true;
    if (!each.in_library) continue;
    EXPECT_GE(each.time.value(), answer.time.value()) << each.algorithm;
  }
  EXPECT_TRUE(seen);
  EXPECT_GE(answer.rivals.size(), 3u);
}

// 384 dies: of 64 MiB a chip's two send 382/384 each over 392 GB/s together, 340.6 us. Die to die is no bottleneck.
TEST(CollectiveBound, ChipsOfCloudMatrix) {
  const auto answer = study_collective(ask(CollectiveOp::kAllToAll, {{"bytes", "64 MiB"}, {"ranks", "384"}}),
                                       load("cloudmatrix-384"), {.rivals = false, .flow = {}, .links = 5});
  EXPECT_EQ(answer.bound.part, "chip");
  EXPECT_NEAR(answer.bound.port.value(), 67108864.0 * 382 / 384 / 196e9, 1e-12);
  EXPECT_GE(answer.time, answer.bound.time());
}

// Two nodes: of S the 8 of a node send half away, 8·S/2 over 8 NICs of 50 GB/s, where a port of 450 GB/s has 15/16 S.
TEST(CollectiveBound, NodesBehindNics) {
  const auto answer =
      study_collective(ask(CollectiveOp::kAllToAll, {{"bytes", "100 MB"}, {"ranks", "16"}}), load("hgx-h100"), flow());
  EXPECT_EQ(answer.bound.part, "node");
  EXPECT_NEAR(answer.bound.port.value(), 50e6 / 50e9, 1e-12);
}

TEST(RankGroup, Placements) {
  const StudySystem study = load("hgx-h100");
  const SystemSpec& system = study.system.spec;
  const auto indices = [&](const RankGroup& group, std::int64_t devices) {
    std::vector<int> list;
    for (const DeviceId d : group_devices(group, system, devices)) list.push_back(d.index);
    return list;
  };
  EXPECT_THAT(indices({.ranks = 3}, 16), ElementsAre(0, 1, 2));
  EXPECT_THAT(indices({.ranks = 0, .stride = 8}, 24), ElementsAre(0, 8, 16));
  EXPECT_THAT(indices({.ranks = 4, .per_node = 2}, 16), ElementsAre(0, 1, 8, 9));
  EXPECT_THAT(indices({.ranks = 4, .spread = true}, 16), ElementsAre(0, 4, 8, 12));
  EXPECT_EQ(devices_needed({.ranks = 4, .stride = 8}, system), 25);
  EXPECT_EQ(sibling_groups({.ranks = 2, .stride = 8}, system, 32).size(), 16u) << "8 beside one another, twice";
  EXPECT_EQ(sibling_groups({.ranks = 8}, system, 32).size(), 4u);
  EXPECT_EQ(sibling_groups({.ranks = 4, .per_node = 2}, system, 16).size(), 4u);
}

TEST(CollectiveStudy, RefusesWhatCannotBe) {
  const StudySystem study = load("hgx-h100");
  using enum CollectiveOp;
  EXPECT_THAT(refusal(ask(kAllReduce, {{"bytes", "1 MiB"}, {"ranks", "16"}, {"chips", "8"}}), study),
              HasSubstr("16 chips would do"));
  EXPECT_THAT(refusal(ask(kAllReduce, {{"bytes", "1 MiB"}, {"ranks", "12"}, {"algorithm", "halving-doubling"}}), study),
              ::testing::AllOf(HasSubstr("power of two"), HasSubstr("ring")));
  EXPECT_THAT(refusal(ask(kAllReduce, {}), study), HasSubstr("--bytes"));
  EXPECT_THAT(refusal(ask(kAllReduce, {{"bytes", "1 MiB"}, {"ranks", "1"}}), study), HasSubstr("at least 2"));
  EXPECT_THAT(refusal(ask(kAllReduce, {{"bytes", "1 MiB"}, {"stride", "2"}, {"per-node", "2"}}), study),
              HasSubstr("exclude"));
}

TEST(CollectiveRequest, BadSettingsSayWhatWouldDo) {
  CollectiveRequest request(CollectiveOp::kAllReduce);
  const auto message = [&](const Override& setting) {
    Diagnostics diagnostics;
    read_setting(request, setting, diagnostics);
    return diagnostics.render();
  };
  EXPECT_THAT(message({"algorithm", "rng"}), HasSubstr("did you mean 'ring'"));
  EXPECT_THAT(message({"bytes", "64"}), HasSubstr("--bytes 64"));
  EXPECT_THAT(message({"ranks", "8x"}), HasSubstr("--ranks 8x: error: a whole number from 1"));
  EXPECT_THAT(message({"placement", "pcked"}), HasSubstr("did you mean 'packed'"));
  EXPECT_THAT(message({"precision", "bf61"}), HasSubstr("did you mean 'bf16'"));
  EXPECT_THAT(message({"zipf", "-1"}), HasSubstr("a number from 0"));
  Diagnostics diagnostics;
  EXPECT_FALSE(read_collective_op("all-redcue", diagnostics));
  EXPECT_THAT(diagnostics.render(), HasSubstr("did you mean 'all-reduce'"));
}

TEST(CollectiveRequest, ExpertTokensMakeTheBytes) {
  const auto request = ask(CollectiveOp::kEpCombine, {{"tokens", "100"}, {"hidden", "1000"}, {"precision", "bf16"}});
  EXPECT_EQ(request.call.bytes, Bytes(200'000));
  EXPECT_EQ(request.call.routing.topk, 8);
}

TEST(CollectiveRequest, ExpertHistogramFromAFile) {
  const testing::TempFolder folder;
  const std::string path = folder.write("tokens.csv", "expert,tokens\n0,30\n1,10\n2,20\n3,20\n");
  const auto request = ask(CollectiveOp::kEpDispatch, {{"histogram", path}});
  ASSERT_NE(request.call.routing.histogram, nullptr);
  EXPECT_THAT(request.call.routing.histogram->tokens, ElementsAre(30, 10, 20, 20));
  EXPECT_EQ(request.call.routing.experts, 4);
  Diagnostics diagnostics;
  EXPECT_EQ(read_expert_histogram(folder.write("bad.csv", "expert,tokens\n0,x\n"), diagnostics), nullptr);
  EXPECT_THAT(diagnostics.render(), HasSubstr("bad.csv:2:1"));
}

TEST(BusyLinks, OneOfEachKind) {
  const auto link = [](const std::string& name, double used) {
    BusyLink busy;
    busy.name = name;
    busy.utilisation = used;
    return busy;
  };
  const auto links = busiest_by_kind({link("a1 > b1", 0.5), link("a2 > b1", 0.9), link("a10 > b2", 0.9), link("c", 1),
                                      link("a3 > b1", 0.1), link("d", 0.2)},
                                     2);
  ASSERT_EQ(links.size(), 2u);
  EXPECT_EQ(links[0].name, "c");
  EXPECT_EQ(links[1].name, "a2 > b1");
  EXPECT_EQ(links[1].alike, 2);
  EXPECT_EQ(links[1].kind, 4);
}

// The rows of a sweep are the answers of its points, those that cannot be among them, whatever the number of workers.
TEST(CollectiveSweep, RowsInOrderWithTheImpossibleOnes) {
  Diagnostics diagnostics;
  CollectiveSweep sweep;
  sweep.system = "hgx-h100";
  sweep.settings = {{"bytes", "1 MiB"}, {"algorithm", "halving_doubling"}};
  sweep.axes = parse_sweep({"ranks=4..8:+4,fabric.scale_up.bandwidth=225GB/s..450GB/s,chips=8,9000000"}, diagnostics);
  EXPECT_THAT(diagnostics.render(), "");
  const auto rows = run_collective_sweep(sweep);
  ASSERT_EQ(rows.size(), 8u);
  EXPECT_EQ(rows[0]["status"], "ok");
  EXPECT_EQ(rows[0]["ranks"], 4);
  EXPECT_EQ(rows[0]["set"], "fabric.scale_up.bandwidth=225 GB/s");
  EXPECT_EQ(rows[1]["status"], "bad input");
  EXPECT_GT(rows[0]["time_s"].get<double>(), rows[2]["time_s"].get<double>()) << "half the bandwidth";
  sweep.workers = 3;
  EXPECT_EQ(run_collective_sweep(sweep), rows);
  for (const auto& row : rows) EXPECT_EQ(row.size(), collective_columns().size());
}

TEST(CollectiveSweep, CsvHasOneRowAPoint) {
  CollectiveSweep sweep;
  sweep.system = "hgx-h100";
  sweep.settings = {{"bytes", "1 MiB"}};
  Diagnostics diagnostics;
  sweep.axes = parse_sweep({"ranks=3..9:+3,algorithm=halving-doubling,ring"}, diagnostics);
  const auto rows = run_collective_sweep(sweep);
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0]["status"], "impossible");
  EXPECT_EQ(rows[1]["status"], "ok");
  const std::string csv = csv_text(collective_columns(), rows);
  EXPECT_THAT(csv, ::testing::StartsWith("operation,system,chips,ranks,stride,bytes,set,algorithm,time_s,software_s,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
}

// Two nodes of 8. A ring all-reduce over pairs 8 apart and one more of the same: both use each NIC, so each takes twice
// the time that its bytes need alone.
TEST(CollectiveConcurrent, TwoThatShareTheNicsTakeTwice) {
  const StudySystem study = load("hgx-h100");
  const std::vector<Override> pair = {{"bytes", "400 MB"}, {"ranks", "2"}, {"stride", "8"}, {"algorithm", "ring"}};
  const auto request = ask(CollectiveOp::kAllReduce, pair);
  const ConcurrentAnswer answer = study_concurrent({request, request}, study);
  ASSERT_EQ(answer.parts.size(), 2u);
  EXPECT_EQ(answer.parts[0].groups, 8);
  EXPECT_NEAR(answer.parts[0].alone.value(), 8e-3, 8e-5) << "2(n-1)/n · 400 MB over a NIC of 50 GB/s";
  EXPECT_NEAR(answer.parts[0].slowdown(), 2, 0.01);
  EXPECT_NEAR(answer.parts[1].slowdown(), 2, 0.01);
}

TEST(CollectiveConcurrent, ParsesItsText) {
  Diagnostics diagnostics;
  const CollectiveRequest request = parse_concurrent("all-gather:16MiB:stride=8", diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(request.call.op, CollectiveOp::kAllGather);
  EXPECT_EQ(request.call.bytes, Bytes(16 << 20));
  EXPECT_EQ(request.group.stride, 8);
  parse_concurrent("all-gather:16MiB:strid=8", diagnostics);
  EXPECT_THAT(diagnostics.render(), HasSubstr("did you mean 'stride'"));
}

}  // namespace
}  // namespace supernode
