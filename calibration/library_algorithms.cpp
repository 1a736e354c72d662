#include "calibration/library_algorithms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace supernode {
namespace {

using enum CollectiveOp;

struct KnownAlgorithm {
  std::string name;
  std::vector<CollectiveOp> ops;
  std::vector<CollectiveOp> over_any_group;  // of ops
  bool by_name_only = false;                 // unless a library lists it
};

const std::vector<KnownAlgorithm>& known() {
  static const std::vector<CollectiveOp> reductions = {kAllReduce, kAllGather, kReduceScatter};
  static const std::vector<CollectiveOp> exchanges = {kAllToAll, kEpDispatch, kEpCombine};
  static const std::vector<CollectiveOp> both = {kAllReduce, kAllGather,  kReduceScatter,
                                                 kAllToAll,  kEpDispatch, kEpCombine};
  static const std::vector<KnownAlgorithm> algorithms = {
      {"send_recv", {kSendRecv}, {kSendRecv}},
      {"ring", reductions, reductions},
      {"direct", both, exchanges},
      {"pairwise", exchanges, exchanges, true},
      {"halving_doubling", reductions, {}},
      {"tree", {kAllReduce}, {}},
      {"nvls", {kAllReduce}, {}},
      {"hierarchical", both, {}},
      {"hierarchical_mesh", reductions, {}, true},
      {"hierarchical_supernode", both, {}},
      {"bidirectional_ring", reductions, reductions, true},
      {"multi_ring", reductions, {}, true},
      {"bruck", {kAllGather, kAllToAll}, {kAllGather, kAllToAll}, true},
      {"halving_doubling_folded", reductions, reductions, true},
      {"grid", {kAllReduce, kAllGather, kReduceScatter, kAllToAll}, {}, true},
      {"grid_split", {kAllReduce, kAllGather, kReduceScatter, kAllToAll}, {}, true},
      {"windowed", exchanges, exchanges, true},
      {"sharp", {kAllReduce}, {}, true},
      {"chain", {kSendRecv}, {kSendRecv}, true},
      {"one_shot", {kAllReduce}, {}, true},
  };
  return algorithms;
}

bool contains(const std::vector<CollectiveOp>& ops, CollectiveOp op) { return std::ranges::find(ops, op) != ops.end(); }

std::vector<std::string> names_of(CollectiveOp op, std::vector<CollectiveOp> KnownAlgorithm::*ops) {
  std::vector<std::string> names;
  for (const KnownAlgorithm& algorithm : known())
    if (contains(algorithm.*ops, op)) names.push_back(algorithm.name);
  return names;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv})
    names.emplace_back(to_string(op));
  return names;
}

// Reports every name that does not stand for an algorithm of `op`, and a list that leaves some group without any.
void check(CollectiveOp op, const std::vector<std::string>& names, std::string_view key, SpecReader& entries) {
  const std::vector<std::string> candidates = known_algorithms(op);
  bool all_known = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (has(candidates, names[i])) continue;
    all_known = false;
    entries.diagnostics().error(
        entries.find(key)->items[i].position,
        fmt::format("{} has no algorithm '{}'{}", to_string(op), names[i], suggestion(names[i], candidates)));
  }
  const std::vector<std::string> general = names_of(op, &KnownAlgorithm::over_any_group);
  if (all_known && std::ranges::none_of(names, [&](const auto& name) { return has(general, name); }))
    entries.error(key, fmt::format("no algorithm of {} here runs over any group; add '{}'", to_string(op),
                                   fmt::join(general, "' or '")));
}

}  // namespace

std::vector<std::string> known_algorithms(CollectiveOp op) { return names_of(op, &KnownAlgorithm::ops); }

bool allows(const LibraryAlgorithms& library, CollectiveOp op, std::string_view algorithm) {
  const auto found = library.find(op);
  if (found != library.end()) return has(found->second, algorithm);
  const auto entry = std::ranges::find(known(), algorithm, &KnownAlgorithm::name);
  return entry != known().end() && !entry->by_name_only;
}

void bind_algorithms(LibraryAlgorithms& library, std::string_view key, SpecReader& reader) {
  reader.dictionary({key, "by operation, the list of algorithms that the library has; absent: all"},
                    [&](SpecReader& entries, const std::string& name) {
                      std::vector<std::string> names;
                      const bool read = entries.text_list({name, "algorithms of one operation"}, names);
                      const std::optional<CollectiveOp> op = parse_collective_op(name);
                      if (!op) {
                        entries.error(
                            name, fmt::format("unknown operation '{}'{}", name, suggestion(name, operation_names())));
                      } else if (read) {
                        check(*op, names, name, entries);
                        library[*op] = names;
                      }
                    });
}

std::string emit_algorithms(const LibraryAlgorithms& library, std::string_view key) {
  if (library.empty()) return "";
  std::string text = fmt::format("{}:\n", key);
  for (const auto& [op, names] : library) text += fmt::format("  {}: [{}]\n", to_string(op), fmt::join(names, ", "));
  return text;
}

}  // namespace supernode
