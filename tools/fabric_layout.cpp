#include "tools/fabric_layout.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace supernode {

namespace {

constexpr double kMargin = 16, kLabels = 190, kGutter = 90;
constexpr double kColumnsWidth = 1500, kLeastColumn = 22, kMostColumn = 260, kSingleColumn = 760;
constexpr double kDeviceHeight = 34, kChipHeight = 13, kColumnRow = 30, kSingleRow = 90, kBandHeight = 13,
                 kBandRow = 23;
constexpr double kGap = 42;  // between columns' boxes and the first band, and between planes

class Layouter {
 public:
  Layouter(const GroupedFabric& grouped, std::int64_t nodes_a_column)
      : groups_(grouped.groups), first_(grouped.first_node), step_(nodes_a_column) {
    columns_ = (grouped.nodes + step_ - 1) / step_;
    const double most = columns_ == 1 ? kSingleColumn : kMostColumn;
    layout_.column_width = std::clamp(kColumnsWidth / static_cast<double>(columns_), kLeastColumn, most);
    layout_.left = kMargin + kLabels;
    layout_.right = layout_.left + layout_.column_width * static_cast<double>(columns_);
    layout_.width = layout_.right + kGutter + kMargin;
    layout_.boxes.resize(groups_.size());
  }

  FabricLayout run(double top) {
    const double above = place_side(true), below = place_side(false);
    place_devices();
    const double shift = top + above;
    for (LayoutBox& box : layout_.boxes) box.corner.y += shift;
    layout_.device_top = shift;
    layout_.device_bottom = shift + kDeviceHeight;
    layout_.height = shift + kDeviceHeight + below + kMargin;
    return layout_;
  }

 private:
  int column_of(int node) const { return static_cast<int>((node - first_) / step_); }
  bool in_column(const VertexGroup& group) const { return column_of(group.first_node) == column_of(group.last_node); }
  double column_left(int column) const { return layout_.left + layout_.column_width * column; }

  // Boxes of equal keys stand side by side in their column.
  void share_columns(const std::map<int, std::vector<int>>& by_column, double y, double height) {
    for (const auto& [column, members] : by_column) {
      const double pad = std::min(3.0, layout_.column_width * 0.06);
      const double each = (layout_.column_width - 2 * pad) / static_cast<double>(members.size());
      const double inner = std::min(each * 0.82, 90.0);
      for (std::size_t i = 0; i < members.size(); ++i) {
        LayoutBox& box = layout_.boxes[members[i]];
        const double width = members.size() == 1 ? layout_.column_width - 2 * pad : inner;
        box.corner = {column_left(column) + pad + each * static_cast<double>(i) + (each - width) / 2, y};
        box.width = width, box.height = height, box.shown = true, box.column = column;
      }
    }
  }

  void place_devices() {
    std::map<int, std::vector<int>> by_column;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i].kind == VertexKind::kDevice)
        by_column[column_of(groups_[i].first_node)].push_back(static_cast<int>(i));
    }
    share_columns(by_column, 0, kDeviceHeight);
  }

  bool on_side(const VertexGroup& group, bool up) const {
    if (group.kind != VertexKind::kSwitch && group.kind != VertexKind::kNic) return false;
    return (group.plane == Plane::kScaleUp) == up;
  }

  // Rows of one side, outwards from the devices. Returns how far they reach.
  double place_side(bool up) {
    std::map<std::pair<int, std::string>, std::map<int, std::vector<int>>> in_columns;
    std::map<std::pair<Plane, int>, std::vector<int>> bands;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const VertexGroup& group = groups_[i];
      if (!on_side(group, up)) continue;
      if (in_column(group) && columns_ > 1) {
        in_columns[{group.level, group.tier}][column_of(group.first_node)].push_back(static_cast<int>(i));
      } else if (in_column(group)) {  // a single column: only what is wider than a node is a band
        in_columns[{group.level, group.tier}][0].push_back(static_cast<int>(i));
      } else {
        bands[{group.plane, group.level}].push_back(static_cast<int>(i));
      }
    }
    double reach = 0;
    for (const auto& [tier, by_column] : in_columns) {
      reach += up && columns_ == 1 ? kSingleRow : kColumnRow;
      share_columns(by_column, up ? -reach : kDeviceHeight + reach - kChipHeight, kChipHeight);
    }
    for (auto& [tier, members] : bands) {
      reach += kGap - kBandRow;
      reach = place_bands(members, up, reach);
    }
    return reach;
  }

  // Bands of one tier, first fit: those that overlap stand in different rows.
  double place_bands(std::vector<int>& members, bool up, double reach) {
    std::stable_sort(members.begin(), members.end(), [&](int a, int b) {
      const auto key = [&](int i) { return std::tuple(groups_[i].sub_plane, groups_[i].first_node); };
      return key(a) < key(b);
    });
    std::vector<std::vector<std::pair<int, int>>> rows;  // taken columns of each
    for (const int member : members) {
      const int first = column_of(groups_[member].first_node), last = column_of(groups_[member].last_node);
      const auto fits = [&](const auto& row) {
        return std::none_of(row.begin(), row.end(),
                            [&](const auto& taken) { return first <= taken.second && taken.first <= last; });
      };
      auto row = std::find_if(rows.begin(), rows.end(), fits);
      if (row == rows.end()) row = rows.emplace(rows.end());
      row->push_back({first, last});
      const double far = reach + kBandRow * static_cast<double>(row - rows.begin() + 1);
      LayoutBox& box = layout_.boxes[member];
      box.corner = {column_left(first) + 1, up ? -far : kDeviceHeight + far - kBandHeight};
      box.width = layout_.column_width * (last - first + 1) - 2;
      box.height = kBandHeight, box.shown = true, box.band = true;
    }
    return reach + kBandRow * static_cast<double>(rows.size());
  }

  const std::vector<VertexGroup>& groups_;
  int first_ = 0;
  std::int64_t step_ = 1, columns_ = 1;
  FabricLayout layout_;
};

}  // namespace

FabricLayout layout_fabric(const GroupedFabric& grouped, std::int64_t nodes_a_column, double top) {
  return Layouter(grouped, nodes_a_column).run(top);
}

}  // namespace supernode
