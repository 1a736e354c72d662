#include "calibration/kernel_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/kernel_parameters.hpp"
#include "calibration/robust_fit.hpp"
#include "calibration/trace_prediction.hpp"

namespace supernode {
namespace {

// Standard deviation of log residuals about zero, by the median and by the 90th percentile, whichever is wider (tails
// are heavier than normal), corrected for the degrees of freedom that the fit used up.
double spread(const std::vector<double>& residuals, std::size_t fitted) {
  std::vector<double> absolute;
  for (double r : residuals) absolute.push_back(std::abs(r));
  constexpr double kMedian = 1.4826, kP90 = 1 / 1.6449;  // of a normal distribution
  constexpr double kLeast = 0.02;                        // no benchmark repeats better
  const double free = std::max(1.0, static_cast<double>(residuals.size()) - static_cast<double>(fitted));
  const double widest = std::max(kMedian * quantile(absolute, 0.5), kP90 * quantile(absolute, 0.9));
  return std::max(kLeast, widest * std::sqrt(static_cast<double>(residuals.size()) / free));
}

// A neighbour's own launch, and its passes over the data that it reads and writes.
std::vector<FitParameter> neighbour_parameters(const std::string& prefix) {
  return {{prefix + ".neighbour_launch", 3e-6, 5e-8, 1e-4, 1}, {prefix + ".neighbour_passes", 1.5, 0.01, 20, 1}};
}

std::vector<FitParameter> with_neighbour(std::vector<FitParameter> parameters, const std::string& prefix) {
  for (const FitParameter& p : neighbour_parameters(prefix)) parameters.push_back(p);
  return parameters;
}

std::vector<FitParameter> gemm_parameters(const std::string& prefix, bool neighbour) {
  const GemmParameters d;
  std::vector<FitParameter> parameters = {{prefix + ".efficiency", d.efficiency, 0.05, 1, 10},
                                          {prefix + ".k_ramp", d.k_ramp, 1, 4096, 1},
                                          {prefix + ".tile_penalty", d.tile_penalty, 0.01, 5, 1},
                                          {prefix + ".wave", d.wave, 0.01, 1, 1},
                                          {prefix + ".memory", d.memory, 0.1, 1, 5},
                                          {prefix + ".serial", d.serial, 0.001, 1, 1}};
  return neighbour ? with_neighbour(std::move(parameters), prefix) : parameters;
}

// `ceiling`: the matrix units are not more efficient in attention than in a large GEMM.
std::vector<FitParameter> attention_parameters(const std::string& prefix, bool neighbour, double ceiling) {
  const AttentionParameters d;
  std::vector<FitParameter> parameters = {{prefix + ".efficiency", std::min(d.efficiency, ceiling), 0.05, ceiling, 10},
                                          {prefix + ".head_half", d.head_half, 1, 400, 1},
                                          {prefix + ".padding", d.padding, 0.01, 1, 1},
                                          {prefix + ".sequence_ramp", d.sequence_ramp, 1, 4096, 1},
                                          {prefix + ".tail", d.tail, 0.01, 1, 1}};
  return neighbour ? with_neighbour(std::move(parameters), prefix) : parameters;
}

class ChipFit {
 public:
  ChipFit(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows) : chip_(chip) {
    chip_.fit = {};
    chip_.fit.launch = {Seconds(4e-6), "start of the fit", Confidence::kAssumed};
    std::map<std::string, TraceRows> classes;
    for (const KernelTraceRow& row : rows) classes[trace_class(chip_, row)].push_back(&row);
    for (auto& [name, members] : classes) classes_[name] = comparable_rows(members);
  }

  KernelFitResult run() {
    fit_dense();
    fit_training_passes("gemm");
    fit_grouped();
    fit_attention();
    fit_vector();
    KernelFitResult result{chip_.fit, {}};
    for (const auto& [name, rows] : used_) result.errors.push_back(error_summary(name, log_errors(chip_, rows)));
    return result;
  }

 private:
  using Select = bool (*)(const KernelTraceRow&);
  static constexpr const char* kSpreadSource = "robust spread of the fit's residuals";
  static constexpr std::size_t kFewest = 3;  // rows that make a class

  TraceRows select(const TraceRows& rows, Select keep) const {
    TraceRows kept;
    for (const KernelTraceRow* row : rows)
      if (keep(*row)) kept.push_back(row);
    return kept;
  }

  static bool is_training(const KernelTraceRow& row) { return row.training; }
  static bool is_inference(const KernelTraceRow& row) { return !row.training; }
  static bool is_alone(const KernelTraceRow& row) { return !row.with_neighbour; }
  static bool is_accompanied(const KernelTraceRow& row) { return row.with_neighbour; }
  static Pass pass_of(const KernelTraceRow& row) { return std::get<GemmKernel>(row.kernel).pass; }
  static bool is_forward(const KernelTraceRow& row) { return pass_of(row) == Pass::kForward; }
  static bool any_neighbour(const TraceRows& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const KernelTraceRow* row) { return row->with_neighbour; });
  }

  // bf16 first, since it also fixes the launch time that all kernels share. Inference rows where there are any.
  void fit_dense() {
    bool first = true;
    for (Precision precision : {Precision::kBf16, Precision::kFp8Block, Precision::kFp8, Precision::kMxfp8,
                                Precision::kFp4, Precision::kInt8, Precision::kFp32}) {
      const std::string prefix = fmt::format("gemm.{}", to_string(precision));
      if (!classes_.contains(prefix)) continue;
      TraceRows rows = select(select(classes_[prefix], is_inference), is_forward);
      if (rows.size() < kFewest) rows = select(classes_[prefix], is_forward);
      if (rows.size() < kFewest) continue;
      std::vector<FitParameter> parameters = gemm_parameters(prefix, any_neighbour(rows));
      if (first) parameters.push_back({"launch", 4e-6, 2e-7, 3e-5, 10});
      first = false;
      fit_best_choice(prefix, "max_split", {16, 1}, parameters, rows);
      settle_neighbour(prefix, rows);
    }
  }

  // Where there are rows of the kernel alone they decide its efficiency, and the others what the neighbour takes: over
  // all rows together the two could trade against each other.
  void settle_neighbour(const std::string& prefix, const TraceRows& rows) {
    const TraceRows alone = select(rows, is_alone);
    if (alone.size() < kFewest || alone.size() == rows.size()) return;
    fit_values({{prefix + ".efficiency", parameter(prefix + ".efficiency", 1), 0.05, 1, 10}}, alone);
    fit_values(neighbour_parameters(prefix), select(rows, is_accompanied));
  }

  // One factor a pass on the class's efficiency, from rows of training kernels.
  void fit_training_passes(const std::string& kind) {
    for (Pass pass : {Pass::kForward, Pass::kDgrad, Pass::kWgrad}) {
      TraceRows rows;
      for (const auto& [name, members] : classes_) {
        if (!name.starts_with(kind + ".")) continue;
        for (const KernelTraceRow* row : select(members, is_training))
          if (pass_of(*row) == pass) rows.push_back(row);
      }
      const std::string name = fmt::format("{}.{}", kind, to_string(pass));
      if (rows.empty()) continue;
      set(name + ".deviation", spread(fit_values({{name, 0.9, 0.2, 1.2, 3}}, rows).residuals, 1), kSpreadSource);
      used_[name] = rows;
    }
  }

  // Efficiency, memory share and overheads of the grouped kernels with the factors of the passes that were measured,
  // all at once: only the weight gradients are bound by memory. The forward pass has the class's own efficiency,
  // factor 1.
  void fit_grouped() {
    for (const auto& [name, members] : classes_) {
      if (!name.starts_with("grouped_gemm.")) continue;
      set("grouped_gemm.forward", 1, "by definition");
      const std::string dense = name.substr(std::string_view("grouped_").size());
      const double ceiling = parameter(dense + ".efficiency", 1);
      std::vector<FitParameter> parameters = {{name + ".efficiency", 0.9 * ceiling, 0.05, ceiling, 1},
                                              {name + ".memory", 0.8, 0.1, 1, 0.5},
                                              {name + ".k_ramp", parameter(dense + ".k_ramp", 128), 1, 4096, 1},
                                              {name + ".serial", parameter(dense + ".serial", 0.3), 0.001, 1, 1}};
      for (Pass pass : {Pass::kDgrad, Pass::kWgrad})
        if (has_pass(members, pass))
          parameters.push_back({fmt::format("grouped_gemm.{}", to_string(pass)), 0.9, 0.2, 1.2, 3});
      fit(name, parameters, members);
    }
  }

  static bool has_pass(const TraceRows& rows, Pass pass) {
    return std::any_of(rows.begin(), rows.end(), [&](const KernelTraceRow* row) { return pass_of(*row) == pass; });
  }

  double parameter(const std::string& name, double otherwise) const {
    return KernelParameters(chip_.fit).get(name, otherwise);
  }

  // TraceRows of attention alone are preferred to those with a neighbour: training runs the former. The neighbour is
  // then fitted on top, so that the other rows can be judged too.
  void fit_attention() {
    for (const auto& [name, members] : classes_) {
      if (!name.starts_with("attention.")) continue;
      TraceRows rows = select(members, is_alone);
      const bool alone = !rows.empty();
      if (!alone) rows = members;
      const double ceiling = parameter("gemm" + name.substr(name.rfind('.')) + ".efficiency", 1);
      fit_best_choice(name, "block", {128, 256}, attention_parameters(name, !alone, ceiling), rows);
      const TraceRows others = select(members, is_accompanied);
      if (alone && !others.empty()) fit_values(neighbour_parameters(name), others);
    }
  }

  // One parameter is a library's choice among a few values: the best of them, each with its own fit of the rest.
  void fit_best_choice(const std::string& name, const std::string& choice, std::initializer_list<double> values,
                       const std::vector<FitParameter>& parameters, const TraceRows& rows) {
    double best_loss = 0, best = 0;
    for (double value : values) {
      set(name + "." + choice, value, "best of the values tried");
      const double loss = fit_values(parameters, rows).loss;
      if (best != 0 && loss >= best_loss) continue;
      best_loss = loss, best = value;
    }
    set(name + "." + choice, best, "best of the values tried");
    fit(name, parameters, rows);
  }

  void fit_vector() {
    std::vector<FitParameter> parameters;
    TraceRows rows;
    for (const auto& [name, members] : classes_) {
      if (!name.starts_with("vector.") || members.size() < kFewest) continue;
      parameters.push_back({name + ".memory", 0.75, 0.05, 1, 1});
      rows.insert(rows.end(), members.begin(), members.end());
    }
    if (rows.empty()) return;
    parameters.push_back({"vector.half_bytes", 1e6, 1, 1e8, 1});
    parameters.push_back({"vector.launch", chip_.fit.launch.value.value(), 2e-7, 3e-5, 1});
    fit("vector", parameters, rows);
    for (const FitParameter& p : parameters)
      if (p.name.ends_with(".memory"))
        set(p.name.substr(0, p.name.size() - 6) + "deviation", chip_.fit.parameters["vector.deviation"].value,
            chip_.fit.parameters["vector.deviation"].source);
  }

  FitOutcome fit_values(const std::vector<FitParameter>& parameters, const TraceRows& rows) {
    const Residuals residuals = [&](std::span<const double> values, std::span<double> out) {
      for (std::size_t j = 0; j < parameters.size(); ++j) assign(parameters[j].name, values[j]);
      const std::vector<double> errors = log_errors(chip_, rows);
      std::copy(errors.begin(), errors.end(), out.begin());
    };
    const FitOutcome outcome =
        robust_fit(parameters, rows.size(), residuals, {.max_iterations = 60, .tolerance = 1e-6, .huber = 0.15});
    const KernelClassError error = error_summary("", outcome.residuals);
    const std::string source = fmt::format("fit of {} rows, median error {:.1f} %, p90 {:.1f} %", error.rows,
                                           100 * error.median_abs_error, 100 * error.p90_abs_error);
    for (std::size_t j = 0; j < parameters.size(); ++j) set(parameters[j].name, outcome.parameters[j], source);
    return outcome;
  }

  // Fits, and stores the deviation and the box of the rows with the values.
  void fit(const std::string& name, const std::vector<FitParameter>& parameters, const TraceRows& rows) {
    const FitOutcome outcome = fit_values(parameters, rows);
    set(name + ".deviation", spread(outcome.residuals, parameters.size()), kSpreadSource);
    store_box(name, rows);
    used_[name] = rows;
  }

  void assign(const std::string& name, double value) {
    if (name == "launch")
      chip_.fit.launch.value = Seconds(value);
    else
      chip_.fit.parameters[name].value = value;
  }

  void set(const std::string& name, double value, const std::string& source) {
    assign(name, value);
    if (name == "launch")
      chip_.fit.launch = {Seconds(value), source, Confidence::kDerived};
    else
      chip_.fit.parameters[name] = {value, source, Confidence::kDerived};
  }

  void store_box(const std::string& name, const TraceRows& rows) {
    if (name == "vector") return;
    std::map<std::string, std::pair<double, double>> box;
    for (const KernelTraceRow* row : rows) {
      for (const ShapeAxis& axis : shape_axes(row->kernel)) {
        auto [slot, fresh] = box.try_emplace(std::string(axis.name), axis.size, axis.size);
        slot->second = {std::min(slot->second.first, axis.size), std::max(slot->second.second, axis.size)};
      }
    }
    for (const auto& [axis, range] : box) {
      set(fmt::format("{}.min_{}", name, axis), range.first, "range of the traces");
      set(fmt::format("{}.max_{}", name, axis), range.second, "range of the traces");
    }
  }

  ChipSpec chip_;
  std::map<std::string, TraceRows> classes_;
  std::map<std::string, TraceRows> used_;
};

}  // namespace

KernelFitResult fit_kernels(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows) {
  return ChipFit(chip, rows).run();
}

}  // namespace supernode
