#include "sim/max_min.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace supernode {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
constexpr std::int32_t kNowhere = -1;

}  // namespace

void Crossings::add_flow(std::span<const Crossing> crossings) {
  all.insert(all.end(), crossings.begin(), crossings.end());
  first.push_back(static_cast<std::int32_t>(all.size()));
}

std::span<const Crossing> Crossings::of(std::int32_t flow) const {
  return {all.data() + first[at(flow)], all.data() + first[at(flow) + 1]};
}

MaxMin::MaxMin(const std::vector<double>& capacity, const Crossings& crossings)
    : capacity_(capacity),
      crossings_(crossings),
      links_(capacity.size()),
      place_(crossings.all.size(), kNowhere),
      rate_(at(crossings.flows()), 0),
      seen_(at(crossings.flows()), 0),
      set_(at(crossings.flows()), 0) {}

void MaxMin::touch(std::int32_t link) {
  if (links_[at(link)].touched) return;
  links_[at(link)].touched = true;
  touched_.push_back(link);
}

void MaxMin::start(std::int32_t flow) {
  for (std::int32_t c = crossings_.first[at(flow)]; c < crossings_.first[at(flow) + 1]; ++c) {
    const std::int32_t link = crossings_.all[at(c)].link;
    assert(place_[at(c)] == kNowhere);
    place_[at(c)] = static_cast<std::int32_t>(links_[at(link)].users.size());
    links_[at(link)].users.push_back({flow, c});
    touch(link);
  }
}

void MaxMin::stop(std::int32_t flow) {
  for (std::int32_t c = crossings_.first[at(flow)]; c < crossings_.first[at(flow) + 1]; ++c) {
    const std::int32_t link = crossings_.all[at(c)].link;
    std::vector<User>& users = links_[at(link)].users;
    assert(place_[at(c)] != kNowhere);
    const std::int32_t place = place_[at(c)];
    users[at(place)] = users.back();
    place_[at(users[at(place)].crossing)] = place;
    users.pop_back();
    place_[at(c)] = kNowhere;
    touch(link);
  }
  rate_[at(flow)] = 0;
}

void MaxMin::meet(std::int32_t link) {
  Link& met = links_[at(link)];
  if (met.seen == round_) return;
  met.seen = round_;
  met.left = capacity_[at(link)];
  met.load = 0;
  met.open = 0;
  met_links_.push_back(link);
}

// The running flows that share links with the touched ones, directly or through others, and all their links.
void MaxMin::collect() {
  ++round_;
  met_links_.clear();
  met_flows_.clear();
  for (const std::int32_t link : touched_) {
    links_[at(link)].touched = false;
    meet(link);
  }
  touched_.clear();
  for (std::size_t i = 0; i < met_links_.size(); ++i)
    for (const User& user : links_[at(met_links_[i])].users) {
      if (seen_[at(user.flow)] == round_) continue;
      seen_[at(user.flow)] = round_;
      met_flows_.push_back(user.flow);
      for (const Crossing& crossing : crossings_.of(user.flow)) {
        meet(crossing.link);
        links_[at(crossing.link)].load += crossing.weight;
        ++links_[at(crossing.link)].open;
      }
    }
}

// The flows of a full link that have no rate yet run at `level`; the other links they cross have that much less left.
void MaxMin::fix_users(std::int32_t link, double level) {
  for (const User& user : links_[at(link)].users) {
    if (set_[at(user.flow)] == round_) continue;
    set_[at(user.flow)] = round_;
    rate_[at(user.flow)] = level;
    for (const Crossing& crossing : crossings_.of(user.flow)) {
      Link& crossed = links_[at(crossing.link)];
      crossed.left -= level * crossing.weight;
      crossed.load -= crossing.weight;
      --crossed.open;
    }
  }
}

// Raises all rates together; the link that fills first fixes those of its flows. The level at which a link would fill
// only rises as flows of other links are fixed, so a heap of levels that may be too low finds the next link.
void MaxMin::fill() {
  levels_.clear();
  for (const std::int32_t link : met_links_) {
    const Link& met = links_[at(link)];
    if (met.open > 0) levels_.push_back({met.left / met.load, link});
  }
  const std::greater<Level> later;
  std::make_heap(levels_.begin(), levels_.end(), later);
  double level = 0;
  while (!levels_.empty()) {
    std::pop_heap(levels_.begin(), levels_.end(), later);
    const Level next = levels_.back();
    levels_.pop_back();
    const Link& link = links_[at(next.link)];
    if (link.open == 0) continue;
    const double now = link.left / link.load;
    if (now > next.level) {
      levels_.push_back({now, next.link});
      std::push_heap(levels_.begin(), levels_.end(), later);
      continue;
    }
    level = std::max(level, now);  // rounding must not let it fall
    fix_users(next.link, level);
  }
}

std::span<const std::int32_t> MaxMin::share() {
  collect();
  fill();
  return met_flows_;
}

}  // namespace supernode
