#pragma once
// The tables of a kernel fit, corrections and covariances, as YAML: in a chip's own `fit:` section, or apart in
// catalog/kernels/*.yaml so that a scenario that spells out its chip stays readable.
//
//   residuals:
//     gemm.bf16: {length: 1.5, bumps: "8.32 9.01 9.01 0 0.031; ..."}     ln of the sizes, weight
//   covariances:
//     gemm.bf16: {parameters: "efficiency k_ramp", values: "1.2e-4 -3e-6 4e-3"}     upper triangle, row by row

#include <string>

#include "calibration/chip_spec.hpp"

namespace supernode {

// Reads `tables`, `residuals` and `covariances`; the tables of a name come first, the section's own replace them.
void bind_kernel_tables(KernelFit& fit, SpecReader& reader);

// The two sections, each line indented by so many spaces.
std::string emit_kernel_tables(const KernelFit& fit, std::size_t indent);

}  // namespace supernode
