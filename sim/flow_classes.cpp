#include "sim/flow_classes.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>

namespace supernode {
namespace {

// Colours are 64-bit hashes: among N of them two differ by mistake with a chance of N^2 / 2^65, 1e-9 for 147,072 flows.
using Colour = std::uint64_t;
using Colours = std::vector<Colour>;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
Colour bits(double value) { return std::bit_cast<Colour>(value); }

// The finaliser of SplitMix64 (Steele, Lea & Flood, 2014).
Colour mix(Colour x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Odd factors that tell the parts of a sum apart.
constexpr Colour kBytes = 0x9e3779b97f4a7c15ULL, kLatency = 0xd1342543de82ef95ULL, kFrom = 0xaf251af3b0f025b5ULL,
                 kTo = 0xb564ef22ec7aece5ULL, kHop = 0xf7c2ebc08f67f2b5ULL, kReceived = 0x8cb92ba72f3d8dd7ULL;

std::size_t distinct(Colours colours) {
  std::ranges::sort(colours);
  return static_cast<std::size_t>(std::ranges::unique(colours).begin() - colours.begin());
}

// Numbers colours 0, 1, … in order of first appearance. Open addressing: most flows find the slot of their class warm.
class Numbering {
 public:
  Numbering() : slots_(1024, Slot{0, kFree}) {}
  std::int32_t size() const { return size_; }
  std::int32_t operator()(Colour colour) {
    Slot& slot = find(colour);
    if (slot.number != kFree) return slot.number;
    slot = {colour, size_};
    const std::int32_t number = size_++;
    if (2 * static_cast<std::size_t>(size_) > slots_.size()) grow();
    return number;
  }

 private:
  struct Slot {
    Colour colour;
    std::int32_t number;
  };
  static constexpr std::int32_t kFree = -1;
  Slot& find(Colour colour) {
    std::size_t i = colour & (slots_.size() - 1);
    while (slots_[i].number != kFree && slots_[i].colour != colour) i = (i + 1) & (slots_.size() - 1);
    return slots_[i];
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2, Slot{0, kFree});
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.number != kFree) find(slot.colour) = slot;
  }
  std::vector<Slot> slots_;
  std::int32_t size_ = 0;
};

class Refinement {
 public:
  Refinement(const FlowPlan& plan, std::span<const PlannedRound> rounds) : plan_(plan), rounds_(rounds) {
    for (std::int32_t rank = 0; rank < plan.ranks; ++rank) rank_.push_back(mix(bits(plan.start_of(rank).value())));
    for (const PlannedLink& link : plan.links) link_.push_back(mix(bits(link.capacity.value())));
    flow_.resize(std::accumulate(rounds.begin(), rounds.end(), std::size_t{0},
                                 [](std::size_t n, const PlannedRound& round) { return n + round.flows.size(); }));
  }

  // Every rank and link on its own, and so every flow, unless two of one round have the same ends and bytes.
  void tell_all_apart() {
    std::iota(rank_.begin(), rank_.end(), Colour{1});
    std::ranges::transform(rank_, rank_.begin(), mix);
    std::iota(link_.begin(), link_.end(), Colour{1} << 32);
    std::ranges::transform(link_, link_.begin(), mix);
    colour_flows();
  }

  // Flows are told apart by their neighbours alone, so when no rank and no link has changed its class, none will.
  void refine() {
    std::size_t ranks = distinct(rank_), links = distinct(link_);
    while (true) {
      colour_flows();
      Colours rank = rank_, link = link_;
      for (std::size_t r = 0; r < rank.size(); ++r) rank[r] = mix(rank[r] * kFrom + rank_sum_[r]);
      for (std::size_t l = 0; l < link.size(); ++l) link[l] = mix(link[l] * kTo + link_sum_[l]);
      const std::size_t more_ranks = distinct(rank), more_links = distinct(link);
      if (more_ranks == ranks && more_links == links) return;
      ranks = more_ranks;
      links = more_links;
      rank_.swap(rank);
      link_.swap(link);
    }
  }

  const Colours& ranks() const { return rank_; }
  const Colours& links() const { return link_; }
  const Colours& flows() const { return flow_; }

 private:
  // Gives flows their colours and adds these up over the ranks and links that they touch.
  void colour_flows() {
    rank_sum_.assign(rank_.size(), 0);
    link_sum_.assign(link_.size(), 0);
    auto colour = flow_.begin();
    for (std::size_t round = 0; round < rounds_.size(); ++round)
      for (const PlannedFlow& flow : rounds_[round].flows) {
        *colour = colour_of(flow, round);
        rank_sum_[at(flow.from)] += *colour;
        rank_sum_[at(flow.to)] += *colour * kReceived;
        for (const std::int32_t link : plan_.links_of(flow)) link_sum_[at(link)] += *colour;
        ++colour;
      }
  }

  Colour colour_of(const PlannedFlow& flow, std::size_t round) const {
    Colour sum = round + bits(flow.bytes.value()) * kBytes +
                 bits(plan_.paths[at(flow.path)].latency.value()) * kLatency + rank_[at(flow.from)] * kFrom +
                 rank_[at(flow.to)] * kTo;
    Colour factor = kHop;
    for (const std::int32_t link : plan_.links_of(flow)) {
      sum += link_[at(link)] * factor;
      factor *= kHop;
    }
    return mix(sum);
  }

  const FlowPlan& plan_;
  std::span<const PlannedRound> rounds_;
  Colours rank_, link_, flow_, rank_sum_, link_sum_;
};

// The classes of a refinement, put together.
class Builder {
 public:
  Builder(const FlowPlan& plan, const FlowSegment& segment, const Refinement& colours)
      : plan_(plan), segment_(segment), rounds_(segment.rounds), colours_(colours) {}

  FlowClasses build() {
    number_ranks();
    number_links();
    number_flows();
    for (std::size_t c = 0; c < classes_.flows.size(); ++c) add_crossings(c);
    add_steps();
    return std::move(classes_);
  }

 private:
  void number_ranks() {
    Numbering number;
    for (std::int32_t rank = 0; rank < plan_.ranks; ++rank) {
      const std::int32_t c = number(colours_.ranks()[at(rank)]);
      classes_.class_of_rank.push_back(c);
      if (c == static_cast<std::int32_t>(classes_.ranks.size()))
        classes_.ranks.push_back({plan_.start_of(rank).value(), {}, {}});
    }
  }

  void number_links() {
    Numbering number;
    for (std::size_t l = 0; l < plan_.links.size(); ++l) {
      const std::int32_t c = number(colours_.links()[l]);
      class_of_link_.push_back(c);
      if (c == static_cast<std::int32_t>(links_in_class_.size())) {
        links_in_class_.push_back(0);
        classes_.capacity.push_back(plan_.links[l].capacity.value());
      }
      ++links_in_class_[at(c)];
    }
  }

  void number_flows() {
    Numbering number;
    auto colour = colours_.flows().begin();
    for (std::size_t round = 0; round < rounds_.size(); ++round)
      for (const PlannedFlow& flow : rounds_[round].flows) {
        const std::int32_t c = number(*colour++);
        if (c == static_cast<std::int32_t>(first_.size())) {
          first_.push_back({&flow, static_cast<std::int32_t>(round), 0});
          classes_.flows.push_back({static_cast<std::int32_t>(round), classes_.class_of_rank[at(flow.from)],
                                    classes_.class_of_rank[at(flow.to)], plan_.paths[at(flow.path)].latency.value(),
                                    flow.bytes.value()});
        }
        ++first_[at(c)].flows;
      }
  }

  // Members cross the same classes of links, and each link of a class carries as many of them as any other.
  void add_crossings(std::size_t c) {
    std::vector<Crossing> crossings;
    for (const std::int32_t link : plan_.links_of(*first_[c].flow)) {
      const std::int32_t link_class = class_of_link_[at(link)];
      const double weight = first_[c].flows / links_in_class_[at(link_class)];
      const auto same = std::ranges::find(crossings, link_class, &Crossing::link);
      if (same == crossings.end())
        crossings.push_back({link_class, weight});
      else
        same->weight += weight;
    }
    classes_.crossings.add_flow(crossings);
  }

  void add_steps() {
    std::vector<std::int32_t> last_round(classes_.ranks.size(), -1);
    const auto add = [&](std::int32_t rank, std::size_t c, bool send) {
      RankClass& into = classes_.ranks[at(rank)];
      const std::int32_t round = first_[c].round;
      if (last_round[at(rank)] != round)
        into.steps.push_back(
            {round, static_cast<std::int32_t>(into.parts.size()), 0, segment_.repeat_of(rounds_[at(round)])});
      last_round[at(rank)] = round;
      into.parts.push_back({static_cast<std::int32_t>(c), send});
      ++into.steps.back().count;
    };
    for (std::size_t c = 0; c < classes_.flows.size(); ++c) {
      add(classes_.flows[c].from, c, true);
      add(classes_.flows[c].to, c, false);
    }
  }

  struct First {
    const PlannedFlow* flow;
    std::int32_t round;
    double flows;  // in the class
  };
  const FlowPlan& plan_;
  const FlowSegment& segment_;
  std::span<const PlannedRound> rounds_;
  const Refinement& colours_;
  FlowClasses classes_;
  std::vector<First> first_;  // by class of flows
  std::vector<std::int32_t> class_of_link_;
  std::vector<double> links_in_class_;
};

}  // namespace

FlowClasses fold_flows(const FlowPlan& plan, const FlowSegment& segment, Folding folding) {
  Refinement refinement(plan, segment.rounds);
  if (folding == Folding::kEach)
    refinement.tell_all_apart();
  else
    refinement.refine();
  return Builder(plan, segment, refinement).build();
}

}  // namespace supernode
