// Links by kind: names that differ in their numbers only.
#include <algorithm>
#include <cctype>
#include <map>

#include "scenarios/collective_study.hpp"

namespace supernode {

namespace {

std::string kind_of(const std::string& name) {
  std::string kind;
  for (const char c : name) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit || kind.empty() || kind.back() != '#') kind += digit ? '#' : c;
  }
  return kind;
}

// Loads that differ by rounding only are equal.
bool as_busy(const BusyLink& link, const BusyLink& other) { return link.utilisation >= other.utilisation * (1 - 1e-6); }

}  // namespace

std::vector<BusyLink> busiest_by_kind(std::vector<BusyLink> links, std::size_t most) {
  std::map<std::string, BusyLink> kinds;
  for (BusyLink& link : links) {
    const auto [entry, fresh] = kinds.try_emplace(kind_of(link.name), link);
    if (fresh) continue;
    BusyLink& kept = entry->second;
    link.kind = kept.kind + 1;
    link.alike = as_busy(kept, link) ? kept.alike + 1 : 1;
    if (!as_busy(kept, link))
      kept = std::move(link);
    else
      kept.kind = link.kind, kept.alike += as_busy(link, kept);
  }
  std::vector<BusyLink> list;
  for (auto& [kind, link] : kinds) list.push_back(std::move(link));
  std::ranges::stable_sort(list, std::greater{}, &BusyLink::utilisation);
  if (list.size() > most) list.resize(most);
  return list;
}

}  // namespace supernode
