#include "tools/refit_protocols/recipes.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "sim/protocol_rows.hpp"

namespace supernode {
namespace {

using Protocols = std::map<std::string, CollectiveProtocol>;

// A protocol's own rows: those of its system less the excluded ones, and of the systems that count as its own.
struct OwnRows {
  std::string protocol;
  std::vector<std::string> exclude{}, also_systems{};
};

// The operations in `scope` that `to` has no fit of, from the donor's own rows; all scopes when it is empty.
struct Loan {
  std::string to, donor, scope, reason;
  Confidence confidence = Confidence::kAssumed;
};

const std::string kAscend = "hccl-cloudmatrix-384", kA100 = "nccl-hgx-a100", kH100 = "nccl-hgx-h100",
                  kH800 = "nccl-hgx-h800", kGb200 = "nccl-gb200-nvl72";

// Rows that tell nothing of any library here.
const std::vector<std::string> kExcludedEverywhere = {
    "custom-allreduce",  // kernels of vLLM and TensorRT-LLM, not the library's
    "memory",            // loads and stores between processors of a CloudMatrix
    "TCPXO",             // GCP's network, not InfiniBand
    "devices/node=8",    // timed inside PyTorch, in whole microseconds
};

const std::vector<OwnRows> kOwnRows = {
    {kAscend},
    {kA100, {"vidur"}},  // over one slow NIC a node
    {kH100},
    {kH800, {"reported"}},  // DeepEP as relayed by arXiv 2506.12708: RDMA even inside a node
    // One-sided TensorRT-LLM exchanges and NVLink switched off; B200 has the same NVLink 5 ports.
    {kGb200, {"OneSided", "IB only"}, {"hgx-b200"}},
};

const std::string kNoRowsAcross = "no rows across nodes of this system; same latencies and share of the NIC taken";

const std::vector<Loan> kLoans = {
    {kAscend, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kA100, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kGb200, kH100, "scale_out.", kNoRowsAcross, Confidence::kAssumed},
    {kGb200, kH800, "scale_out.", "DeepEP across ConnectX-7; same share of the NIC taken", Confidence::kAssumed},
    {kH100, kH800, "scale_out.", "same NICs (ConnectX-7 400G) and library (DeepEP)", Confidence::kDerived},
    {kH800, kH100, "", "no NCCL rows of this system; same GPU, same share of the port", Confidence::kDerived},
};

CollectiveProtocol fit_own(const OwnRows& own, const ProtocolRefitInput& input) {
  const CollectiveProtocol catalogued = input.protocol(own.protocol);
  CalibrationOptions options{kExcludedEverywhere, own.also_systems, catalogued.algorithms};
  options.exclude.insert(options.exclude.end(), own.exclude.begin(), own.exclude.end());
  return calibrate_protocol(input.system(catalogued.system), input.rows, options).protocol;
}

ProtocolFit lent(ProtocolFit fit, const Loan& loan) {
  const auto mark = [&](auto& value) {
    value.source = loan.donor + ": " + loan.reason;
    value.confidence = loan.confidence;
  };
  mark(fit.launch), mark(fit.alpha), mark(fit.efficiency), mark(fit.half_size);
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
  for (const OwnRows& rows : kOwnRows) own[rows.protocol] = fit_own(rows, input);
  Protocols composed = own;
  for (const Loan& loan : kLoans) borrow(composed.at(loan.to), own.at(loan.donor), loan);
  return composed;
}

}  // namespace supernode
