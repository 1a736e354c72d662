// The cache on disk changes no result, survives whatever it finds, and is shared by processes.

#include "sim/flow_cache.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/flow_net.hpp"

namespace supernode {
namespace {

using namespace test;

class FlowCacheTest : public testing::Test {
 protected:
  FlowCacheTest()
      : folder_(std::filesystem::temp_directory_path() / ("supernode_flow_cache_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
  }
  ~FlowCacheTest() override { std::filesystem::remove_all(folder_); }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) files.push_back(entry.path());
    return files;
  }
  std::filesystem::path folder_;
};

// Every flow a class of its own: 16 ranks, 30 rounds, 2 · 480 parts a repetition, enough to be kept with `repeat`.
FlowClasses classes_of(Bytes bytes, std::int64_t repeat = 10) {
  static const Fabric fabric = star(16, 100_GBps, 1_us);
  Round round;
  for (std::int32_t i = 0; i < 16; ++i)
    for (std::int32_t shift : {1, 3})
      round.transfers.push_back({i, (i + shift) % 16, bytes * static_cast<double>(1 + i % 5)});
  round.repeat = repeat * 15;
  const FlowPlan plan = plan_flows(fabric, devices(16), {round}, {});
  return fold_flows(plan, {plan.rounds}, Folding::kEach);
}

TEST_F(FlowCacheTest, GivesTheSameTimesAsTheEngine) {
  const FlowCache cache(folder_);
  const FlowClasses classes = classes_of(1_MB);
  const std::vector<Seconds> fresh = run_flow_classes(classes);
  EXPECT_FALSE(cache.find(cache_key(classes)));
  EXPECT_EQ(run_flow_classes_cached(classes, cache), fresh);
  EXPECT_EQ(cache.find(cache_key(classes)), fresh);
  EXPECT_EQ(run_flow_classes_cached(classes, cache), fresh);
  EXPECT_EQ(files().size(), 1u);
}

// What the cache answers with is what was kept, not a new run.
TEST_F(FlowCacheTest, IsRead) {
  const FlowCache cache(folder_);
  const FlowClasses classes = classes_of(1_MB);
  const std::vector<Seconds> told(classes.ranks.size(), 42_s);
  cache.keep(cache_key(classes), told);
  EXPECT_EQ(run_flow_classes_cached(classes, cache), told);
}

TEST_F(FlowCacheTest, KeysTellAllInputsApart) {
  FlowClasses classes = classes_of(1_MB);
  const std::string key = cache_key(classes);
  EXPECT_EQ(cache_key(classes_of(1_MB)), key);
  EXPECT_NE(cache_key(classes_of(2_MB)), key);
  EXPECT_NE(cache_key(classes_of(1_MB, 11)), key);
  classes.capacity[3] *= 1.0000001;
  EXPECT_NE(cache_key(classes), key);
  classes = classes_of(1_MB);
  classes.ranks[2].start_s = 1e-6;
  EXPECT_NE(cache_key(classes), key);
  classes = classes_of(1_MB);
  classes.flows[5].latency_s = 3e-6;
  EXPECT_NE(cache_key(classes), key);
  classes = classes_of(1_MB);
  classes.crossings.all[1].weight = 2;
  EXPECT_NE(cache_key(classes), key);
}

TEST_F(FlowCacheTest, KeepsNothingThatIsQuicklyComputed) {
  const FlowCache cache(folder_);
  run_flow_classes_cached(classes_of(1_MB, 1), cache);
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

// Cut short, overwritten in the middle, empty, or another key's entry in the same slot.
TEST_F(FlowCacheTest, IgnoresWhatIsCorrupt) {
  const FlowCache cache(folder_);
  const FlowClasses classes = classes_of(1_MB);
  const std::vector<Seconds> fresh = run_flow_classes_cached(classes, cache);
  const std::filesystem::path file = files().front();
  std::string entry(std::filesystem::file_size(file), '\0');
  std::ifstream(file, std::ios::binary).read(entry.data(), static_cast<std::streamsize>(entry.size()));
  std::string flipped = entry, other_key = entry;
  flipped[entry.size() - 3] ^= 1;
  other_key[63] ^= 1;
  for (const std::string& bad :
       {entry.substr(0, entry.size() - 1), entry.substr(0, 70), std::string(), flipped, other_key, entry + "x"}) {
    std::ofstream(file, std::ios::binary) << bad;
    EXPECT_FALSE(cache.find(cache_key(classes)));
    EXPECT_EQ(run_flow_classes_cached(classes, cache), fresh);
    EXPECT_EQ(cache.find(cache_key(classes)), fresh);
  }
}

// A file stands where the folder should be.
TEST_F(FlowCacheTest, DoesWithoutAFolderThatCannotBeWritten) {
  std::ofstream(folder_) << "in the way";
  const FlowClasses classes = classes_of(1_MB);
  EXPECT_EQ(run_flow_classes_cached(classes, FlowCache(folder_ / "below")), run_flow_classes(classes));
  EXPECT_EQ(run_flow_classes_cached(classes, FlowCache("")), run_flow_classes(classes));
}

// Six processes read and write the same ten entries at once; each compares every answer with the engine's own.
TEST_F(FlowCacheTest, IsSharedByProcesses) {
  const FlowCache cache(folder_);
  const auto work = [&](std::size_t) {
    for (int turn = 0; turn < 3; ++turn)
      for (int size = 1; size <= 10; ++size) {
        const FlowClasses classes = classes_of(static_cast<double>(size) * 1_MB, 5);
        if (run_flow_classes_cached(classes, cache) != run_flow_classes(classes))
          throw std::runtime_error("the cache gave another time");
      }
    return std::string();
  };
  EXPECT_NO_THROW(run_in_children(6, work, 6));
  EXPECT_EQ(files().size(), 10u);  // and nothing half-written beside them
}

TEST_F(FlowCacheTest, IsWhereTheEnvironmentSays) {
  const char* before = std::getenv("SUPERNODE_CACHE_DIR");
  const std::string restore = before == nullptr ? "off" : before;
  ::setenv("SUPERNODE_CACHE_DIR", "off", 1);
  EXPECT_TRUE(FlowCache::from_environment().off());
  ::setenv("SUPERNODE_CACHE_DIR", "", 1);
  EXPECT_TRUE(FlowCache::from_environment().off());
  ::setenv("SUPERNODE_CACHE_DIR", folder_.c_str(), 1);
  EXPECT_EQ(FlowCache::from_environment().folder(), folder_);
  ::setenv("SUPERNODE_CACHE_DIR", restore.c_str(), 1);
}

}  // namespace
}  // namespace supernode
