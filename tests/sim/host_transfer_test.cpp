// Offloading in time: bytes over the host link of one device.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/numeric.hpp"
#include "sim/simulate.hpp"
#include "tests/sim/random_step.hpp"
#include "workloads/memory_activations.hpp"

namespace supernode {
namespace {

SimulationInput offloading_step(const std::string& system, const std::string& protocol) {
  SimulationInput input;
  input.system = test::catalogue_entry<SystemSpec>(system_catalog(), system);
  input.chip = test::catalogue_entry<ChipSpec>(chip_catalog(), input.system.chip);
  input.protocol = test::catalogue_entry<CollectiveProtocol>(protocol_catalog(), protocol);
  input.model = small_dense_model();
  input.plan = small_plan();
  input.plan.data_parallel = 16;
  input.plan.global_batch = 4 * 16;
  input.plan.offload.activations = 0.5;
  input.chips = 16 / input.system.devices_per_chip;
  return input;
}

const CollectiveUse& use_named(const SimulationResult& result, const std::string& name) {
  const auto found = std::ranges::find(result.collectives, name, &CollectiveUse::name);
  if (found == result.collectives.end()) throw std::logic_error("no " + name);
  return *found;
}

void expect_host_rate(const SimulationInput& input) {
  const SimulationResult result = simulate(input);
  const Bytes bytes = 0.5 * layer_activations(input.model, input.plan, {}).kept;
  const Seconds expected = bytes * real(input.system.devices_per_chip) / input.system.host_bandwidth.value;
  const CollectiveUse& evict = use_named(result, "activation.evict");
  EXPECT_DOUBLE_EQ(evict.cost.time.value(), expected.value());
  EXPECT_EQ(evict.calls, 4 * 4);  // layers, micro-batches
  EXPECT_EQ(evict.cost.plane, Plane::kLocal);
  EXPECT_EQ(use_named(result, "activation.fetch").calls, 4 * 4);
}

TEST(HostTransfer, TakesBytesOverTheDevicesShareOfTheLink) {
  expect_host_rate(offloading_step("hgx-h100", "nccl-hgx-h100"));
  expect_host_rate(offloading_step("cloudmatrix-384", "hccl-cloudmatrix-384"));  // two devices a chip
}

TEST(HostTransfer, BlocksUnlessOverlapped) {
  SimulationInput input = offloading_step("hgx-h100", "nccl-hgx-h100");
  constexpr auto kHost = static_cast<std::size_t>(CommClass::kHost);
  const auto overlapped = simulate(input).step.stages[0];
  input.plan.offload.overlap = false;
  const auto blocking = simulate(input).step.stages[0];
  const Bytes once = 0.5 * layer_activations(input.model, input.plan, {}).kept;
  // Out and back, of 4 layers and 4 micro-batches.
  const Seconds all = 2 * 16 * once / input.system.host_bandwidth.value;
  EXPECT_NEAR(blocking.exposed[kHost] / all, 1, 1e-6);
  EXPECT_LT(overlapped.exposed[kHost], 0.5 * all);
}

TEST(HostTransfer, NeedsAHostLink) {
  SimulationInput input = offloading_step("hgx-h100", "nccl-hgx-h100");
  input.system.host_bandwidth.value = BytesPerSecond(0);
  EXPECT_THROW(simulate(input), std::runtime_error);
}

}  // namespace
}  // namespace supernode
