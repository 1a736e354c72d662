#include "sim/group_congruence.hpp"

#include <array>
#include <unordered_map>

namespace supernode {
namespace {

constexpr std::array kLevels = {&DevicePlace::chip, &DevicePlace::node, &DevicePlace::supernode, &DevicePlace::leaf,
                                &DevicePlace::pod};

}  // namespace

GroupSignatures::GroupSignatures(const Fabric& fabric) : fabric_(fabric), sizes_(kLevels.size()) {
  for (std::int64_t i = 0; i < fabric.device_count(); ++i) {
    const DevicePlace& place = fabric.place(DeviceId(i));
    for (std::size_t level = 0; level < kLevels.size(); ++level) {
      const auto index = static_cast<std::size_t>(place.*kLevels[level]);
      if (sizes_[level].size() <= index) sizes_[level].resize(index + 1, 0);
      ++sizes_[level][index];
    }
  }
}

std::vector<std::int32_t> GroupSignatures::of(const std::vector<DeviceId>& members) const {
  std::array<std::unordered_map<int, std::int32_t>, kLevels.size()> numbers;
  std::vector<std::int32_t> signature;
  signature.reserve(members.size() * (kLevels.size() + 1));
  for (const DeviceId member : members) {
    const DevicePlace& place = fabric_.place(member);
    signature.push_back(place.rail);
    for (std::size_t level = 0; level < kLevels.size(); ++level) {
      const int index = place.*kLevels[level];
      const auto next = static_cast<std::int32_t>(numbers[level].size());
      const auto [found, fresh] = numbers[level].try_emplace(index, next);
      signature.push_back(found->second);
      if (fresh) signature.push_back(sizes_[level][static_cast<std::size_t>(index)]);
    }
  }
  return signature;
}

}  // namespace supernode
