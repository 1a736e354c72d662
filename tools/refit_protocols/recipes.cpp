#include "tools/refit_protocols/recipes.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "sim/memory_rows.hpp"
#include "sim/protocol_rows.hpp"

namespace supernode {
namespace {

using Protocols = std::map<std::string, CollectiveProtocol>;

// A protocol's own rows: those of its system less the excluded ones, and of the systems that count as its own.
struct OwnRows {
  std::string protocol;
  std::vector<std::string> exclude{}, also_systems{};
  std::string like{};  // an earlier protocol here, of the same library: latencies where there are too few rows
};

// The operations in `scope` that `to` has no fit of, from the donor's own rows; all scopes when it is empty.
struct Loan {
  std::string to, donor, scope, reason;
  Confidence confidence = Confidence::kAssumed;
};

const std::string kAscend = "hccl-cloudmatrix-384", kA100 = "nccl-hgx-a100", kH100 = "nccl-hgx-h100",
                  kH800 = "nccl-hgx-h800", kGb200 = "nccl-gb200-nvl72", kB200 = "nccl-hgx-b200",
                  kA2 = "hccl-atlas-800t-a2";

// Rows that tell nothing of any library here.
const std::vector<std::string> kExcludedEverywhere = {
    "custom-allreduce",  // kernels of vLLM and TensorRT-LLM, not the library's
    "memory",            // loads and stores between processors of a CloudMatrix
    "TCPXO",             // GCP's network, not InfiniBand
    "devices/node=8",    // timed inside PyTorch, in whole microseconds
};

// GB200: throughput by TensorRT-LLM's two-sided kernels (2 to 32 GPUs); of DeepEP's rows (4 GPUs, and 8 of a B200) only
// the low-latency kernels' count.
const std::vector<OwnRows> kOwnRows = {
    {kAscend},
    {kA100, {"vidur"}},  // over one slow NIC a node
    {kH100},
    // "reported": DeepEP as relayed by arXiv 2506.12708: RDMA even inside a node.
    {kH800, {"reported"}, {}, kH100},
    // One-sided TensorRT-LLM exchanges and NVLink switched off; B200 has the same NVLink 5 ports.
    {kGb200, {"OneSided", "IB only", "DeepEP normal", "DeepEP V2"}, {"hgx-b200"}},
    {kB200},
    {kA2, {"torch_npu"}},  // whole-node rates, of the bus or of the buffer
};

// Systems without any row of use: everything borrowed.
const std::string kA100Small = "nccl-hgx-a100-40gb", kA800 = "nccl-hgx-a800", kH200 = "nccl-hgx-h200",
                  kH20 = "nccl-hgx-h20", kB300 = "nccl-hgx-b300", kGb300 = "nccl-gb300-nvl72", kRubin = "nccl-vr-nvl72",
                  kA3 = "hccl-atlas-800t-a3", k950 = "hccl-atlas-950";
const std::vector<std::string> kWithoutRows = {kA100Small, kA800, kH200, kH20, kB300, kGb300, kRubin, kA3, k950};

const std::string kNoRowsAcross = "no rows across nodes of this system; same latencies and share of the NIC taken";

const std::string kSameSwitches = "the same ports and switches", kSamePorts = "same share of the port",
                  kDeepEp = "DeepEP across ConnectX-7; same share of the NIC taken";

const std::vector<Loan> kLoans = {
    {kAscend, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kA100, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kGb200, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kGb200, kH800, "scale_out.", kDeepEp, Confidence::kAssumed},
    {kH100, kH800, "scale_out.", "same NICs (ConnectX-7 400G) and library (DeepEP)", Confidence::kDerived},
    {kH800, kH100, "", "no NCCL rows of this system; same GPU, same share of the port", Confidence::kDerived},
    {kB200, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kB200, kH800, "scale_out.", kDeepEp, Confidence::kAssumed},
    {kA2, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kA100Small, kA100, "", kSameSwitches, Confidence::kDerived},
    {kA100Small, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kA800, kA100, "", kSamePorts, Confidence::kDerived},
    {kA800, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kH200, kH100, "", kSameSwitches, Confidence::kDerived},
    {kH200, kH800, "scale_out.", kDeepEp, Confidence::kDerived},
    {kH20, kH100, "", kSameSwitches, Confidence::kDerived},
    {kH20, kH800, "scale_out.", kDeepEp, Confidence::kDerived},
    {kB300, kB200, "", kSameSwitches, Confidence::kDerived},
    {kB300, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kB300, kH800, "scale_out.", kDeepEp, Confidence::kAssumed},
    {kGb300, kGb200, "", kSameSwitches, Confidence::kDerived},
    {kGb300, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kGb300, kH800, "scale_out.", kDeepEp, Confidence::kAssumed},
    {kRubin, kGb200, "", kSamePorts, Confidence::kAssumed},
    {kRubin, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kRubin, kH800, "scale_out.", kDeepEp, Confidence::kAssumed},
    {kA3, kAscend, "", kSameSwitches, Confidence::kDerived},
    {kA3, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {k950, kAscend, "", kSamePorts, Confidence::kAssumed},
    {k950, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
};

CollectiveProtocol fit_own(const OwnRows& own, const Protocols& earlier, const ProtocolRefitInput& input) {
  const CollectiveProtocol catalogued = input.protocol(own.protocol);
  CalibrationOptions options{.exclude = kExcludedEverywhere,
                             .also_systems = own.also_systems,
                             .algorithms = catalogued.algorithms,
                             .copy_per_expert = catalogued.copy_per_expert};
  options.exclude.insert(options.exclude.end(), own.exclude.begin(), own.exclude.end());
  if (!own.like.empty()) options.like = &earlier.at(own.like);
  const SystemSpec system = input.system(catalogued.system);
  CollectiveProtocol protocol = calibrate_protocol(system, input.rows, options).protocol;
  if (const auto rows = memory_rows(system, input.memory_rows); !rows.empty())
    protocol.memory_access = fit_memory_access(rows);
  return protocol;
}

ProtocolFit lent(ProtocolFit fit, const Loan& loan) {
  const auto mark = [&](auto& value) {
    value.source = loan.donor + ": " + loan.reason;
    value.confidence = loan.confidence;
  };
  mark(fit.token);
  for (ProtocolRegime& regime : fit.regimes)
    mark(regime.launch), mark(regime.alpha), mark(regime.sync), mark(regime.efficiency), mark(regime.limit);
  return fit;
}

void borrow(CollectiveProtocol& to, const CollectiveProtocol& donor, const Loan& loan) {
  bool borrowed = false;
  for (const auto& [key, fit] : donor.fits)
    if (key.starts_with(loan.scope)) borrowed |= to.fits.try_emplace(key, lent(fit, loan)).second;
  if (!borrowed) throw std::runtime_error(fmt::format("{} has nothing that {} lacks", loan.donor, loan.to));
}

}  // namespace

std::map<std::string, CollectiveProtocol> refit_protocols(const ProtocolRefitInput& input) {
  Protocols own;
  for (const OwnRows& rows : kOwnRows) own[rows.protocol] = fit_own(rows, own, input);
  Protocols composed = own;
  for (const std::string& name : kWithoutRows) {
    composed[name] = input.protocol(name);
    composed[name].fits.clear();
    composed[name].traces = "none of its own";
  }
  for (const Loan& loan : kLoans) borrow(composed.at(loan.to), own.at(loan.donor), loan);
  return composed;
}

}  // namespace supernode
