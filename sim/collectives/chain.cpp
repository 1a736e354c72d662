// A message passed on along the group, from each rank to the next, in pieces: while a piece goes on, the next one
// follows (a pipelined broadcast, or a relay through pipeline stages). p pieces over n-1 hops take n-2+p rounds.
// Pieces are of 512 KiB, and at most 64: NCCL's, whose buffer of 4 MiB is cut in 8 steps (NCCL_BUFFSIZE, NCCL_STEPS).

#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

constexpr Bytes kPiece{512.0 * 1024};
constexpr double kMostPieces = 64;

class Chain : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "chain"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return call.op == CollectiveOp::kSendRecv && group.size() >= 2;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto hops = static_cast<std::int32_t>(group.size()) - 1;
    const auto pieces = static_cast<std::int32_t>(std::clamp(std::ceil(call.bytes / kPiece), 1.0, kMostPieces));
    const Bytes piece = call.bytes / real(pieces);
    std::vector<Round> rounds;
    std::int32_t low = 0, high = -1;  // hops of the round before
    for (std::int32_t t = 0; t < hops + pieces - 1; ++t) {
      const std::int32_t first = std::max(0, t - pieces + 1), last = std::min(hops - 1, t);
      if (!rounds.empty() && first == low && last == high) {
        ++rounds.back().repeat;
        continue;
      }
      rounds.emplace_back();
      for (std::int32_t hop = first; hop <= last; ++hop) rounds.back().transfers.push_back({hop, hop + 1, piece});
      low = first, high = last;
    }
    return rounds;
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_chain() { return std::make_unique<Chain>(); }

}  // namespace supernode
