#pragma once
// Number formats of tensors and matrix units.

#include <array>
#include <optional>
#include <string_view>

#include "base/quantity.hpp"

namespace supernode {

// kFp8 is scaled per tensor, kFp8Block per 128x128 block (DeepSeek), kMxfp8 per 32 elements, kFp4 is NVFP4/MXFP4.
enum class Precision { kFp32, kTf32, kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8, kFp4 };

inline constexpr std::array kAllPrecisions = {Precision::kFp32,     Precision::kTf32,  Precision::kBf16,
                                              Precision::kFp16,     Precision::kInt8,  Precision::kFp8,
                                              Precision::kFp8Block, Precision::kMxfp8, Precision::kFp4};

std::string_view to_string(Precision precision);  // "bf16", "fp8_block", …
std::optional<Precision> parse_precision(std::string_view name);

// Storage per element, scales included where the format has them (block formats carry one scale a block).
Bytes bytes_per_element(Precision precision);

}  // namespace supernode
