#include "tools/refit_protocols/recipes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/memory_rows.hpp"
#include "sim/protocol_prediction.hpp"
#include "sim/protocol_rows.hpp"

namespace supernode {
namespace {

using Protocols = std::map<std::string, CollectiveProtocol>;

// A protocol's own rows: those that are of its library (`measured` in its file), less the excluded ones; and those of
// the same library on systems that count as its own.
struct OwnRows {
  std::string protocol;
  std::vector<std::string> exclude{}, also_systems{};
  std::string like{};  // an earlier protocol here, of the same library: latencies where there are too few rows
  std::vector<std::string> from_like{};  // operations that have no rows here and are that one's
};

// The operations in `scope` that `to` has no fit of, from the donor's own rows; all scopes when it is empty.
struct Loan {
  std::string to, donor, scope, reason;
  Confidence confidence = Confidence::kAssumed;
};

const std::string kAscend = "hccl-cloudmatrix-384", kA100 = "nccl-hgx-a100", kH100 = "nccl-hgx-h100",
                  kH800 = "nccl-hgx-h800", kGb200 = "nccl-gb200-nvl72", kB200 = "nccl-hgx-b200",
                  kA2 = "hccl-atlas-800t-a2";
// The same library timed inside PyTorch, in whole microseconds, elsewhere.
const std::string kTorchA100 = "torch-hgx-a100", kTorchH100 = "torch-hgx-h100";

const std::vector<OwnRows> kOwnRows = {
    {kAscend},
    {kTorchA100},
    {kTorchH100},
    {.protocol = kA100, .like = kTorchA100, .from_like = {"scale_up.send_recv"}},
    {.protocol = kH100, .like = kTorchH100, .from_like = {"scale_up.send_recv", "scale_out.send_recv"}},
    // "reported": DeepEP as relayed by arXiv 2506.12708: RDMA even inside a node. Version 2 has other kernels.
    {.protocol = kH800, .exclude = {"reported", "DeepEP V2"}, .like = kH100},
    // NVLink switched off; B200 has the same NVLink 5 ports.
    {.protocol = kGb200, .exclude = {"IB only"}, .also_systems = {"hgx-b200"}},
    {kB200},
    {.protocol = kA2, .exclude = {"torch_npu"}},  // whole-node rates, of the bus or of the buffer
    {"tcpxo-hgx-h100"},
    {"vllm-hgx-a100"},
    {"vllm-hgx-h100"},
    {"vllm-hgx-b200"},
    {"vllm-gb200-nvl72"},
    {"trtllm-hgx-h100"},
    {"trtllm-hgx-b200"},
    {"trtllm-gb200-nvl72"},
    {"trtllm-one-sided-gb200-nvl72"},
    {"trtllm-low-precision-gb200-nvl72"},
    {.protocol = "deepep-v2-hgx-b200", .like = kB200},
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

// The rows of a protocol's library on its system and on those that count as its own.
std::vector<CollectiveTraceRow> rows_of(const OwnRows& own, const CollectiveProtocol& protocol,
                                        const ProtocolRefitInput& input) {
  std::vector<CollectiveTraceRow> rows;
  for (const CollectiveTraceRow& row : input.rows) {
    const CollectiveProtocol* of = protocol_of_row(input.protocols, row);
    const bool here = row.system == protocol.system || std::ranges::count(own.also_systems, row.system) > 0;
    if (here && of != nullptr && of->name == protocol.name && of->system == row.system) rows.push_back(row);
  }
  return rows;
}

CollectiveProtocol fit_own(const OwnRows& own, const Protocols& earlier, const ProtocolRefitInput& input,
                           std::vector<CalibratedFit>& fits) {
  const CollectiveProtocol catalogued = input.protocol(own.protocol);
  CalibrationOptions options{.exclude = own.exclude,
                             .also_systems = own.also_systems,
                             .algorithms = catalogued.algorithms,
                             .copy_per_expert = catalogued.copy_per_expert};
  if (!own.like.empty()) options.like = &earlier.at(own.like);
  const SystemSpec system = input.system(catalogued.system);
  CalibratedProtocol calibrated = calibrate_protocol(system, rows_of(own, catalogued, input), options);
  fits = calibrated.fits;
  CollectiveProtocol& protocol = calibrated.protocol;
  if (const auto rows = memory_rows(system, input.memory_rows); !rows.empty() && catalogued.measured.any())
    protocol.memory_access = fit_memory_access(rows);
  for (const std::string& key : own.from_like) protocol.fits.try_emplace(key, earlier.at(own.like).fits.at(key));
  return protocol;
}

// How far a system's own times are from those by the fit of a system of another kind, as a relative standard deviation
// (docs/models/collectives.md, transfer).
constexpr double kTransferAssumed = 0.35;

ProtocolFit lent(ProtocolFit fit, const Loan& loan) {
  const auto mark = [&](auto& value) {
    value.source = loan.donor + ": " + loan.reason;
    value.confidence = loan.confidence;
  };
  mark(fit.token);
  for (ProtocolRegime& regime : fit.regimes)
    mark(regime.launch), mark(regime.alpha), mark(regime.sync), mark(regime.efficiency), mark(regime.limit);
  const double transfer = loan.confidence == Confidence::kDerived ? ProtocolDeviation::kTransfer : kTransferAssumed;
  for (auto* value : {&fit.deviation.latency, &fit.deviation.bandwidth}) {
    value->value = std::hypot(value->value, transfer);
    mark(*value);
  }
  mark(fit.deviation.per_doubling);
  return fit;
}

void borrow(CollectiveProtocol& to, const CollectiveProtocol& donor, const Loan& loan) {
  bool borrowed = false;
  for (const auto& [key, fit] : donor.fits)
    if (key.starts_with(loan.scope)) borrowed |= to.fits.try_emplace(key, lent(fit, loan)).second;
  if (!borrowed) throw std::runtime_error(fmt::format("{} has nothing that {} lacks", loan.donor, loan.to));
}

}  // namespace

RefitProtocols refit_protocols(const ProtocolRefitInput& input) {
  Protocols own;
  RefitProtocols result;
  Protocols& composed = result.protocols;
  for (const OwnRows& rows : kOwnRows) own[rows.protocol] = fit_own(rows, own, input, result.fits[rows.protocol]);
  composed = own;
  for (const std::string& name : kWithoutRows) {
    composed[name] = input.protocol(name);
    composed[name].fits.clear();
    composed[name].traces = "none of its own";
  }
  for (const Loan& loan : kLoans) borrow(composed.at(loan.to), own.at(loan.donor), loan);
  return result;
}

}  // namespace supernode
