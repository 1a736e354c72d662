#include "base/precision.hpp"

namespace supernode {

std::string_view to_string(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp16:
      return "fp16";
    case Precision::kInt8:
      return "int8";
    case Precision::kFp8:
      return "fp8";
    case Precision::kFp8Block:
      return "fp8_block";
    case Precision::kMxfp8:
      return "mxfp8";
    case Precision::kFp4:
      return "fp4";
  }
  return "?";
}

std::optional<Precision> parse_precision(std::string_view name) {
  for (const Precision precision : kAllPrecisions)
    if (to_string(precision) == name) return precision;
  return std::nullopt;
}

Bytes bytes_per_element(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
    case Precision::kTf32:
      return Bytes(4);
    case Precision::kBf16:
    case Precision::kFp16:
      return Bytes(2);
    case Precision::kInt8:
    case Precision::kFp8:
      return Bytes(1);
    case Precision::kFp8Block:
      return Bytes(1 + 4.0 / 128);  // one fp32 scale per 1x128 tile of activations
    case Precision::kMxfp8:
      return Bytes(1 + 1.0 / 32);  // one E8M0 scale per 32 elements (OCP MX v1.0)
    case Precision::kFp4:
      return Bytes(0.5 + 1.0 / 16);  // NVFP4: one E4M3 scale per 16 elements
  }
  return Bytes(0);
}

}  // namespace supernode
