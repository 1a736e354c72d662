#include "tools/fabric_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "tools/format.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

constexpr int kWidth = 80;

// Sources in the order of first mention; equal ones share a number.
class Footnotes {
 public:
  std::string mark(const std::vector<InventorySource>& sources) {
    std::string marks;
    for (const InventorySource& source : sources) {
      const std::string text = fmt::format("{} ({})", source.text, to_string(source.confidence));
      const auto known = std::find(texts_.begin(), texts_.end(), text);
      const auto number = known - texts_.begin() + 1;
      if (known == texts_.end()) texts_.push_back(text);
      const std::string own = fmt::format("[{}]", number);
      if (marks.find(own) == std::string::npos) marks += own;
    }
    return marks;
  }

  std::string render() const {
    std::string out;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const std::string lines = wrap(texts_[i], 7, kWidth);
      const std::string number = fmt::format("  [{}]", i + 1);
      out += number + std::string(number.size() < 7 ? 7 - number.size() : 1, ' ') + lines.substr(7);
    }
    return out;
  }

 private:
  std::vector<std::string> texts_;
};

// The unit stands at the end of a line's key.
std::string amount_text(const InventoryLine& line) {
  if (!line.amount) return "unknown";
  const double amount = *line.amount;
  if (line.key.ends_with("_w")) {
    return amount >= 1e6 ? significant_text(amount / 1e6) + " MW" : significant_text(amount / 1e3) + " kW";
  }
  if (line.key.ends_with("_kg")) {
    return amount >= 1000 ? significant_text(amount / 1e3) + " t" : significant_text(amount) + " kg";
  }
  if (line.key.ends_with("_usd")) {
    return amount >= 1e6 ? fmt::format("${} M", significant_text(amount / 1e6)) : "$" + grouped_text(amount);
  }
  if (line.key.ends_with("_share")) return percent_text(amount);
  return grouped_text(amount);
}

std::string inventory_text(const Inventory& inventory, const std::vector<InventoryGroup>& groups, Footnotes& notes) {
  struct Row {
    std::string label, amount, how;
  };
  std::vector<Row> rows;
  std::size_t used = 0;
  for (const InventoryLine& line : inventory.lines) {
    if (std::find(groups.begin(), groups.end(), line.group) == groups.end()) continue;
    const std::string marks = notes.mark(line.sources);
    rows.push_back({line.label, amount_text(line), line.how + (line.how.empty() || marks.empty() ? "" : " ") + marks});
    used = std::max(used, display_width(line.label));
  }
  std::size_t amounts = 0;
  for (const Row& row : rows) amounts = std::max(amounts, display_width(row.amount));
  Table table;
  table.align(2, Align::kLeft);
  for (const Row& row : rows) {
    // Folded where it would leave the page.
    std::istringstream lines(wrap(row.how, 0, kWidth - static_cast<int>(used + amounts) - 6));
    std::string how;
    std::getline(lines, how);
    table.add({row.label, row.amount, how});
    while (std::getline(lines, how)) table.add({"", "", how});
  }
  return table.render();
}

std::string plane_title(const PlaneMetrics& plane) { return plane.plane == Plane::kScaleUp ? "scale-up" : "scale-out"; }

std::string range_text(BytesPerSecond least, BytesPerSecond most) {
  return least == most ? bandwidth_text(least) : fmt::format("{} to {}", bandwidth_text(least), bandwidth_text(most));
}

std::string times_text(Seconds least, Seconds most) {
  return least == most ? time_text(least) : fmt::format("{} to {}", time_text(least), time_text(most));
}

std::vector<std::string> distance_cells(const Distances& d) {
  return {std::to_string(d.diameter), fmt::format("{:.2f}", d.mean_hops),
          fmt::format("{}, {}", grouped_text(static_cast<double>(d.paths_min)),
                      grouped_text(static_cast<double>(d.paths_median))),
          times_text(d.latency_min, d.latency_max),
          grouped_text(static_cast<double>(d.pairs)) + (d.sampled ? " (sample)" : " (all)")};
}

// One column a plane.
std::string metrics_text(const std::vector<PlaneMetrics>& planes) {
  const std::vector<std::string> labels = {
      "measured on",       "devices",    "a device injects",      "all inject",
      "bisection, halves", "  one way",  "  of half's injection", "  found by",
      "diameter, links",   "mean links", "paths: least, median",  "latency of the hops",
      "pairs looked at"};
  std::vector<std::vector<std::string>> rows;
  for (const std::string& label : labels) rows.push_back({label});
  std::vector<std::string> header = {""};
  for (const PlaneMetrics& plane : planes) {
    header.push_back(plane_title(plane));
    const Bisection& cut = plane.bisection;
    std::vector<std::string> cells = {
        plane.scope,
        grouped_text(static_cast<double>(plane.devices)),
        range_text(plane.port_min, plane.port_max),
        bandwidth_text(plane.injection),
        cut.halves,
        bandwidth_text(cut.bandwidth()),
        cut.full > BytesPerSecond(0) ? percent_text(cut.bandwidth() / cut.full) : "no port left",
        cut.max_flow ? "maximum flow" : "structure"};
    for (std::string& cell : distance_cells(plane.distances)) cells.push_back(std::move(cell));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(cells[i]);
  }
  Table table(header);
  for (auto& row : rows) table.add(std::move(row));
  std::string out = table.render();
  for (const PlaneMetrics& plane : planes) {
    for (const TierLoad& tier : plane.tiers) {
      out += fmt::format("  {} {}: {} down, {} up, oversubscription {:.4g}\n", plane_title(plane), tier.tier,
                         bandwidth_text(tier.down), bandwidth_text(tier.up), tier.oversubscription());
    }
    if (plane.distances.cut_off > 0) {
      out += fmt::format("  {}: {} of the pairs have no route\n", plane_title(plane), plane.distances.cut_off);
    }
  }
  return out;
}

std::string lost(BytesPerSecond now, BytesPerSecond healthy) {
  return fmt::format("{} of {} ({:.4g} % lost)", bandwidth_text(now), bandwidth_text(healthy),
                     100 * (1 - now / healthy));
}

std::string faults_text(const FabricAnswer& answer) {
  Table links({"links", "dead", "slow", "bandwidth left"});
  for (const auto& [where, count] : answer.count.links) {
    if (count.dead + count.slow == 0) continue;
    links.add({fmt::format("{}, {}", to_string(where.first), to_string(where.second)), std::to_string(count.dead),
               std::to_string(count.slow), percent_text(count.left / count.bandwidth)});
  }
  std::string out = links.empty() ? "" : links.render();
  for (std::size_t i = 0; i < answer.healthy.size() && i < answer.planes.size(); ++i) {
    const PlaneMetrics &now = answer.planes[i], &before = answer.healthy[i];
    out += fmt::format("  {} injection {}\n", plane_title(now), lost(now.injection, before.injection));
    out += fmt::format("  {} bisection {}\n", plane_title(now),
                       lost(now.bisection.bandwidth(), before.bisection.bandwidth()));
  }
  for (const SlowChip& chip : answer.system.spec.faults.slow_chips) {
    out += fmt::format("  chip {} computes at {:.4g} of its speed\n", chip.chip, chip.speed);
  }
  return out;
}

std::string headline(const FabricAnswer& answer) {
  const GraphCount& count = answer.count;
  return fmt::format("{}: {} of {}, {}, {}", answer.system.spec.name, counted(count.chips, "chip"),
                     answer.system.spec.chip, counted(count.nodes, "node"), counted(count.supernodes, "supernode"));
}

}  // namespace

std::string grouped_text(double amount) {
  if (amount != std::floor(amount) || std::abs(amount) > 1e15) return significant_text(amount);
  std::string digits = fmt::format("{:.0f}", amount);
  for (std::ptrdiff_t i = std::ssize(digits) - 3; i > (amount < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

std::string counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped_text(static_cast<double>(count)), what, count == 1 ? "" : "s");
}

std::string bandwidth_text(BytesPerSecond bandwidth) {
  const double gb = bandwidth.value() / 1e9;
  if (gb >= 999.95e3) return significant_text(gb / 1e6) + " PB/s";
  if (gb >= 999.95) return significant_text(gb / 1e3) + " TB/s";
  return significant_text(gb) + " GB/s";
}

std::string fabric_report(const FabricAnswer& answer, const Style& style) {
  Footnotes notes;
  std::string out = wrap(headline(answer), 0, kWidth);
  using enum InventoryGroup;
  out += '\n' + style.title("What it is made of") + '\n';
  out += inventory_text(answer.inventory, {kParts, kLinks, kOptics}, notes);
  if (!answer.planes.empty()) out += '\n' + style.title("What it can do") + '\n' + metrics_text(answer.planes);
  if (!answer.healthy.empty()) out += '\n' + style.title("What faults take") + '\n' + faults_text(answer);
  out += '\n' + style.title("What it draws") + '\n' + inventory_text(answer.inventory, {kPower}, notes);
  out += '\n' + style.title("What it weighs and costs") + '\n';
  out += inventory_text(answer.inventory, {kWeight, kCost}, notes);
  const std::string sources = notes.render();
  if (!sources.empty()) out += '\n' + style.title("Sources beyond the graph") + '\n' + sources;
  return out;
}

}  // namespace supernode
