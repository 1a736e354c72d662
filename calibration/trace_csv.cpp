#include "calibration/trace_csv.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <map>

#include "calibration/csv_table.hpp"

namespace supernode {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::optional<Precision> precision_of(std::string_view dtype) {
  if (const auto known = parse_precision(dtype)) return *known == Precision::kFp16 ? Precision::kBf16 : *known;
  if (dtype == "bf16/fp16" || dtype == "fp16->fp32") return Precision::kBf16;
  if (dtype == "nvfp4" || dtype == "mxfp4") return Precision::kFp4;
  if (dtype == "mxfp4 kernel") return Precision::kMxfp8;
  if (dtype.starts_with("int8(")) return Precision::kInt8;
  constexpr std::string_view kCache = "bf16/kv_";
  if (dtype.starts_with(kCache)) return precision_of(dtype.substr(kCache.size()));
  return std::nullopt;
}

class RowReader {
 public:
  RowReader(const CsvRow& row, Diagnostics& diagnostics) : row_(row), diagnostics_(diagnostics) {}

  std::optional<KernelTraceRow> read() {
    const std::optional<Kernel> kernel = shape();
    KernelTraceRow result;
    result.kernel = kernel.value_or(Kernel{});
    if (!kernel) result.unusable = why_unusable();
    result.chip = text("chip"), result.note = text("note"), result.source = text("source");
    result.position = row_.position();
    result.training = contains(result.note, "_train") || result.note.starts_with("sdp_");
    result.with_neighbour = has_neighbour(result);
    result.library = library(result);
    if (kernel && !measure(result)) return std::nullopt;
    return result;
  }

 private:
  std::string why_unusable() const {
    if (text("op") == "vector") return fmt::format("what '{}' reads and writes is not known", text("note"));
    if (!precision_of(row_.text("dtype"))) return fmt::format("unknown format '{}'", text("dtype"));
    return "the row has no shape";
  }

  std::string text(std::string_view column) const { return std::string(row_.text(column)); }
  std::int64_t integer(std::string_view column, std::int64_t otherwise = 0) {
    return row_.integer(column, diagnostics_).value_or(otherwise);
  }

  std::optional<Kernel> shape() {
    const std::string op = text("op");
    if (op == "vector") return vector_shape();
    auto precision = precision_of(row_.text("dtype"));
    if (!precision) return std::nullopt;
    const std::string_view source = row_.text("source");
    const bool deep_gemm = contains(source, "DeepGEMM") || contains(source, "InferSim");
    if (precision == Precision::kFp8 && deep_gemm && contains(op, "gemm")) precision = Precision::kFp8Block;
    if (op == "gemm" || op == "grouped_gemm" || op == "batched_gemm") return gemm_shape(*precision);
    if (op == "attention" || op == "mla") return attention_shape(*precision);
    return std::nullopt;
  }

  std::optional<Kernel> gemm_shape(Precision precision) {
    GemmKernel g{.m = integer("m"),
                 .n = integer("n"),
                 .k = integer("k"),
                 .groups = integer(text("op") == "batched_gemm" ? "batch" : "groups", 1),
                 .precision = precision};
    if (g.groups > 1 && counts_all_groups(g)) g.m /= g.groups;
    if (g.m <= 0 || g.n <= 0 || g.k <= 0 || g.groups <= 0) return std::nullopt;
    if (text("phase") == "dgrad") g.pass = Pass::kDgrad;
    if (text("phase") == "wgrad") g.pass = Pass::kWgrad;
    g.accumulate = g.pass == Pass::kWgrad && text("accumulate") != "bf16";
    if (g.pass == Pass::kWgrad && g.groups > 1) {
      const std::int64_t tokens = g.m;
      g.m = g.n, g.n = g.k, g.k = tokens;
    }
    return g;
  }

  // Whether time and rate agree only if m is the rows of all groups together.
  bool counts_all_groups(const GemmKernel& g) {
    const auto time = row_.number("time_us", diagnostics_);
    const auto rate = row_.number("tflops", diagnostics_);
    if (!time || !rate || *time <= 0 || *rate <= 0) return false;
    const double implied = flops(g).value() / (*time * 1e-6) / (*rate * 1e12);
    return std::abs(implied / static_cast<double>(g.groups) - 1) < 0.05;
  }

  std::optional<Kernel> attention_shape(Precision precision) {
    AttentionKernel a{.batch = integer("batch"),
                      .heads = integer("heads"),
                      .kv_heads = integer("kv_heads"),
                      .seq_q = integer("seq_q"),
                      .seq_kv = integer("seq_kv"),
                      .head_dim = integer("head_dim"),
                      .head_dim_v = integer("head_dim_v"),
                      .causal = true,
                      .backward = text("phase") == "bwd",
                      .precision = precision};
    const std::string note = text("note");
    if (const auto causal = row_.boolean("causal", diagnostics_))
      a.causal = *causal;
    else
      a.causal = note.starts_with("sdp_") || contains(note, "prefill");
    int width = 0, value_width = 0, rope_width = 0;
    if (std::sscanf(note.c_str(), "mla_prefill cfg=%d-%d-%d", &width, &value_width, &rope_width) == 3)
      a.head_dim = width + rope_width, a.head_dim_v = value_width;
    if (std::sscanf(note.c_str(), "mla_decode cfg=%*d-%d-%d", &value_width, &rope_width) == 2)
      a.kv_heads = 1, a.head_dim = value_width + rope_width, a.head_dim_v = value_width;
    if (a.heads == 0 && a.seq_q > 0 && a.head_dim > 0) {
      a.heads = 2048 / a.head_dim;
      a.batch = 16384 / a.seq_q;
    }
    if (a.seq_q == 1) a.causal = false;  // one row sees every key
    if (a.seq_q == 1 && contains(row_.text("source"), "a100_sxm/attention")) a.precision = Precision::kInt8;
    if (a.kv_heads == 0) a.kv_heads = a.heads;
    if (a.head_dim_v == 0) a.head_dim_v = a.head_dim;
    if (a.batch <= 0 || a.heads <= 0 || a.seq_q <= 0 || a.seq_kv <= 0 || a.head_dim <= 0) return std::nullopt;
    return a;
  }

  // What the named Ascend and sample kernels read and write, in elements per element of the m x n input.
  std::optional<Kernel> vector_shape() {
    struct Known {
      std::string_view name;
      VectorKind kind;
      double read, written;
    };
    static constexpr Known kKnown[] = {
        {"SwiGlu", VectorKind::kElementwise, 1, 0.5},  {"AddRmsNorm", VectorKind::kNorm, 2, 2},
        {"RmsNorm", VectorKind::kNorm, 1, 1},          {"DynamicQuant", VectorKind::kCast, 1, 0.5},
        {"gelu", VectorKind::kElementwise, 1, 1},      {"Softmax", VectorKind::kSoftmax, 1, 1},
        {"layernorm", VectorKind::kNorm, 1, 1},        {"softmax", VectorKind::kSoftmax, 1, 1},
        {"MoeGatingTopK", VectorKind::kRouter, 1, 0.1}};
    const std::string note = text("note");
    const auto precision = precision_of(row_.text("dtype"));
    const double elements = static_cast<double>(integer("m")) * static_cast<double>(integer("n"));
    if (!precision || elements <= 0) return std::nullopt;
    for (const Known& known : kKnown) {
      if (!note.starts_with(known.name)) continue;
      const Bytes tensor = elements * bytes_per_element(*precision);
      return VectorKernel{known.kind, tensor * known.read, tensor * known.written, Flops(0)};
    }
    return std::nullopt;
  }

  // TensorRT-LLM's low-precision GEMM is timed with the quantisation of its input, its prefill with rope and cache
  // write.
  bool has_neighbour(const KernelTraceRow& row) const {
    if (const auto* g = std::get_if<GemmKernel>(&row.kernel))
      return contains(row.source, "/gemm/trtllm/") && bytes_per_element(g->precision) < Bytes(2);
    return text("phase") == "prefill" && contains(row.source, "aiconfigurator");
  }

  // Attention kernels written for the generation before Hopper run there at a rate of their own.
  std::string library(const KernelTraceRow& row) const {
    const auto* g = std::get_if<GemmKernel>(&row.kernel);
    if (g != nullptr) return g->groups == 1 && row_.text("op") == "grouped_gemm" ? "grouped" : "";
    if (row.note.starts_with("FA2 ") || row.note.starts_with("Flash Attention 2")) return "fa2";
    return row.note.starts_with("Triton ") ? "triton" : "";
  }

  bool measure(KernelTraceRow& row) {
    const auto time = row_.number("time_us", diagnostics_);
    const auto rate = row_.number("tflops", diagnostics_);
    if (time && *time > 0) {
      row.measured = Seconds(*time * 1e-6);
    } else if (rate && *rate > 0) {
      const double counted = row.note.starts_with("sdp_") ? 2 : 1;
      row.measured = counted * flops(row.kernel) / FlopsPerSecond(*rate * 1e12);
    } else {
      diagnostics_.error(row.position, "a row needs a positive time_us or tflops");
      return false;
    }
    return true;
  }

  const CsvRow& row_;
  Diagnostics& diagnostics_;
};

// Of two times of the same weight gradient of a grouped GEMM the faster one is without accumulation in fp32.
void tell_accumulation_apart(std::vector<KernelTraceRow>& rows) {
  std::map<std::pair<std::string, GemmKernel>, KernelTraceRow*> seen;
  for (KernelTraceRow& row : rows) {
    auto* g = std::get_if<GemmKernel>(&row.kernel);
    if (!row.training || g == nullptr || g->groups <= 1 || g->pass != Pass::kWgrad || !g->accumulate) continue;
    KernelTraceRow*& other = seen.try_emplace({row.chip, *g}, &row).first->second;
    if (other == &row) continue;
    KernelTraceRow& faster = row.measured < other->measured ? row : *other;
    std::get<GemmKernel>(faster.kernel).accumulate = false;
    if (&faster == other) other = &row;
  }
}

bool selected(std::string_view chip, const std::string& filter) {
  return filter.empty() || chip == filter || chip.starts_with(filter + "-");
}

}  // namespace

std::optional<std::vector<KernelTraceRow>> read_kernel_rows(const SourceFile& file, Diagnostics& diagnostics) {
  const std::vector<std::string> required = {"chip", "op", "phase", "dtype", "m", "n", "k", "time_us", "tflops"};
  const std::optional<CsvTable> table = CsvTable::parse(file, required, diagnostics);
  if (!table) return std::nullopt;
  std::vector<KernelTraceRow> rows;
  for (const CsvRow& row : table->rows()) {
    const int errors = diagnostics.error_count();
    std::optional<KernelTraceRow> read = RowReader(row, diagnostics).read();
    if (read && diagnostics.error_count() == errors) rows.push_back(std::move(*read));
  }
  tell_accumulation_apart(rows);
  return rows;
}

std::optional<std::vector<KernelTraceRow>> read_kernel_trace(const SourceFile& file, const std::string& chip_filter,
                                                             Diagnostics& diagnostics) {
  auto rows = read_kernel_rows(file, diagnostics);
  if (rows)
    std::erase_if(*rows,
                  [&](const KernelTraceRow& r) { return !r.unusable.empty() || !selected(r.chip, chip_filter); });
  return rows;
}

}  // namespace supernode
