#include "sim/group_congruence.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace supernode {
namespace {

constexpr std::array kLevels = {&DevicePlace::chip, &DevicePlace::node, &DevicePlace::supernode, &DevicePlace::leaf,
                                &DevicePlace::pod};

// Where members stand on the grid, up to what maps a block onto itself: any exchange of the places along a mesh's
// dimension, an even turn of a ring (routes half-way round go by the parity of where they start).
class GridPlaces {
 public:
  GridPlaces(const Grid& grid, std::int64_t devices) : grid_(grid), devices_(devices) {}

  void mark(DeviceId member, std::vector<std::int32_t>& signature) {
    const std::int64_t size = grid_.size(), block = member.index / size, cell = member.index % size;
    const auto next = static_cast<std::int32_t>(blocks_.size());
    const auto [found, fresh] = blocks_.try_emplace(block, Block{next, cell, {}});
    signature.push_back(found->second.number);
    if (fresh) signature.push_back(static_cast<std::int32_t>(std::min(size, devices_ - block * size)));
    std::int64_t stride = 1;
    for (std::size_t i = 0; i < grid_.dimensions.size(); ++i) {
      const GridDimension& dimension = grid_.dimensions[i];
      const auto along = [&](std::int64_t at) { return at / stride % dimension.size; };
      if (dimension.ring) {
        signature.push_back(
            static_cast<std::int32_t>((along(cell) - along(found->second.origin) + dimension.size) % dimension.size));
        if (fresh) signature.push_back(static_cast<std::int32_t>(along(cell) % 2));
      } else {
        auto& numbers = found->second.numbers;
        numbers.resize(grid_.dimensions.size());
        const auto number = static_cast<std::int32_t>(numbers[i].size());
        signature.push_back(numbers[i].try_emplace(along(cell), number).first->second);
      }
      stride *= dimension.size;
    }
  }

 private:
  struct Block {
    std::int32_t number;                                                  // by first appearance
    std::int64_t origin;                                                  // the cell of its first member
    std::vector<std::unordered_map<std::int64_t, std::int32_t>> numbers;  // of coordinates, by dimension
  };
  const Grid& grid_;
  std::int64_t devices_;
  std::unordered_map<std::int64_t, Block> blocks_;
};

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
  GridPlaces grid(fabric_.grid(), fabric_.device_count());
  std::vector<std::int32_t> signature;
  signature.reserve(members.size() * (kLevels.size() + 1));
  for (const DeviceId member : members) {
    const DevicePlace& place = fabric_.place(member);
    signature.push_back(place.rail);
    if (!fabric_.grid().empty()) grid.mark(member, signature);
    if (fabric_.degraded()) signature.push_back(fabric_.fault_colour(member));
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
