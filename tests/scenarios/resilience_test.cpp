// The search for how many parts may fail, on laws known in closed form, and on a fabric.
#include "scenarios/resilience.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace supernode {
namespace {

using ::testing::HasSubstr;

// Each failure costs 1 % (draw 0) or 2 % (draw 1) of the rate: 5 and 2 may fail of 5 %.
TEST(Resilience, FindsTheLastNumberThatIsNotTooMany) {
  ResilienceQuestion question;
  question.draws = 2;
  question.loss = 0.0501;
  const auto run = [](std::int64_t failed, std::int64_t seed) {
    FaultTrial trial;
    trial.slowdown = 1 / (1 - 0.01 * static_cast<double>(failed * (seed + 1)));
    return trial;
  };
  const ResilienceAnswer answer = find_resilience(question, 40, run);
  EXPECT_EQ(answer.draws[0].survives, 5);
  EXPECT_EQ(answer.draws[0].ends, 6);
  EXPECT_EQ(answer.draws[0].limit, "loses 6.0 %");
  EXPECT_EQ(answer.draws[1].survives, 2);
  EXPECT_EQ(answer.draws[1].ends, 3);
  EXPECT_EQ(answer.median(), 2);
  question.workers = 2;
  EXPECT_EQ(find_resilience(question, 40, run).draws[0].survives, 5);
}

// Beyond 128 the last of 64 parts is not looked for: 1,000 of 10,000 may fail.
TEST(Resilience, LargeNumbersWithinOnePartIn64) {
  ResilienceQuestion question;
  question.draws = 1;
  const ResilienceAnswer answer = find_resilience(question, 10'000, [](std::int64_t failed, std::int64_t) {
    return FaultTrial{failed <= 1000 ? 1.0 : 2.0, 1, "", ""};
  });
  EXPECT_LE(answer.draws[0].survives, 1000);
  EXPECT_GT(answer.draws[0].ends, 1000);
  EXPECT_LE(*answer.draws[0].ends - answer.draws[0].survives, *answer.draws[0].ends / 64);
}

TEST(Resilience, AFabricThatFallsApartIsALimit) {
  ResilienceQuestion question;
  question.draws = 1;
  const ResilienceAnswer answer = find_resilience(question, 100, [](std::int64_t failed, std::int64_t) {
    if (failed > 13) throw std::invalid_argument("cut off");
    return FaultTrial{1, 1, "", ""};
  });
  EXPECT_EQ(answer.draws[0].survives, 13);
  EXPECT_EQ(answer.draws[0].limit, "cut off");
}

TEST(Resilience, StopsAtAllThereAreAndAtTheMost) {
  ResilienceQuestion question;
  question.draws = 1;
  const auto unhurt = [](std::int64_t, std::int64_t) { return FaultTrial{1, 1, "", ""}; };
  EXPECT_EQ(find_resilience(question, 10, unhurt).draws[0].survives, 10);
  question.most = 3;
  const ResilienceAnswer answer = find_resilience(question, 10, unhurt);
  EXPECT_EQ(answer.draws[0].survives, 3);
  EXPECT_FALSE(answer.draws[0].ends);
  EXPECT_THROW(find_resilience(question, 0, unhurt), std::invalid_argument);
}

TEST(Resilience, ElementsOfOneNode) {
  Diagnostics diagnostics;
  const auto study = load_study_system("hgx-h100", {}, diagnostics);
  ASSERT_TRUE(study) << diagnostics.render();
  EXPECT_EQ(element_count(study->system.spec, 8, FaultElement::kChips), 8);
  EXPECT_EQ(element_count(study->system.spec, 8, FaultElement::kNics), 8);
  EXPECT_FALSE(parse_fault_element("optic"));
}

TEST(Resilience, OfACollectiveOnItsFabric) {
  Diagnostics diagnostics;
  const auto study = load_study_system("hgx-h100", {}, diagnostics);
  ASSERT_TRUE(study) << diagnostics.render();
  CollectiveRequest request(CollectiveOp::kAllToAll);
  request.call.bytes = Bytes(1e9);
  ResilienceQuestion question;
  question.element = FaultElement::kSwitches;
  question.draws = 1;
  question.most = 1;
  const ResilienceAnswer answer = collective_resilience(question, request, *study);
  EXPECT_THAT(answer.subject, HasSubstr("8 ranks"));
  ASSERT_EQ(answer.points.size(), 1u);
  ASSERT_TRUE(answer.points[0].draws[0]);
  EXPECT_GE(answer.points[0].draws[0]->slowdown, 1.0);
  EXPECT_LE(answer.points[0].draws[0]->slowdown, 4.0 / 3 + 1e-9) << "at most one of the four NVSwitch chips";
}

}  // namespace
}  // namespace supernode
