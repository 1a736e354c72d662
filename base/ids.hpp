#pragma once
// Ids that cannot be mixed up: a DeviceId is not a BundleId. Each is a dense index from 0.

#include <compare>
#include <cstdint>
#include <functional>

namespace supernode {

template <class Tag>
struct Id {
  std::int32_t index = -1;
  constexpr Id() = default;
  constexpr explicit Id(std::int64_t i) : index(static_cast<std::int32_t>(i)) {}
  constexpr bool valid() const { return index >= 0; }
  constexpr auto operator<=>(const Id&) const = default;
};

using DeviceId = Id<struct DeviceTag>;  // what one rank runs on: an Ascend die, an Nvidia GPU package
using VertexId = Id<struct VertexTag>;  // a vertex of the fabric graph
using LinkId = Id<struct LinkTag>;      // one duplex link of the fabric graph
using BundleId = Id<struct BundleTag>;  // parallel links over which traffic is sprayed (one direction)

}  // namespace supernode

template <class Tag>
struct std::hash<supernode::Id<Tag>> {
  std::size_t operator()(supernode::Id<Tag> id) const noexcept { return std::hash<std::int32_t>{}(id.index); }
};
