#include "calibration/kernel_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/decode_cost.hpp"
#include "calibration/kernel_parameters.hpp"
#include "calibration/robust_fit.hpp"
#include "calibration/trace_prediction.hpp"

namespace supernode {
namespace {

// Spread of the log residuals, corrected for the degrees of freedom that the fit used up.
double spread(const std::vector<double>& residuals, std::size_t fitted) {
  constexpr double kLeast = 0.02;  // no benchmark repeats better
  const double rows = static_cast<double>(residuals.size());
  const double free = std::max(1.0, rows - static_cast<double>(fitted));
  return std::max(kLeast, robust_spread(residuals) * std::sqrt(rows / free));
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

// Decoding: the cache is read once, so the memory share counts most.
std::vector<FitParameter> decode_parameters(const std::string& prefix, double launch) {
  const DecodeParameters d;
  return {{prefix + ".efficiency", d.efficiency, 0.05, 1, 1},
          {prefix + ".memory", d.memory, 0.1, 1, 5},
          {prefix + ".half_bytes", 1e6, 1, 1e9, 3},
          {prefix + ".serial", d.serial, 0.001, 1, 1},
          {prefix + ".launch", launch, 1e-6, 1e-4, 3}};
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
    fit_residual_models();
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
  static bool is_current(const KernelTraceRow& row) { return row.library.empty(); }
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
      const TraceRows forward = select(select(classes_[prefix], is_current), is_forward);
      TraceRows rows = select(forward, is_inference);
      if (rows.size() < kFewest) rows = forward;
      if (rows.size() < kFewest) continue;
      std::vector<FitParameter> parameters = gemm_parameters(prefix, any_neighbour(rows));
      if (first) parameters.push_back({"launch", 4e-6, 2e-7, 3e-5, 10});
      first = false;
      fit_best_choice(prefix, "max_split", {16, 1}, parameters, rows);
      settle_neighbour(prefix, rows);
      fit_libraries(prefix, classes_[prefix]);
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
      const FitOutcome outcome = fit_values({{name, 0.9, 0.2, 1.2, 3}}, rows);
      set(name + ".deviation", spread(outcome.residuals, 1), kSpreadSource);
      used_[name] = rows;
    }
  }

  // Efficiency, memory share and overheads of the grouped kernels with the factors of the passes that were measured,
  // all at once: only the weight gradients are bound by memory. The forward pass has the class's own efficiency,
  // factor 1.
  void fit_grouped() {
    for (const auto& [name, members] : classes_) {
      if (!name.starts_with("grouped_gemm.") || members.size() < kFewest) continue;
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

  // Rows of attention alone are preferred to those with a neighbour: training runs the former. The neighbour is then
  // fitted on top, with the rate of the inference kernel over training's, so that the other rows can be judged too. So
  // are the kernels of other libraries.
  void fit_attention() {
    for (const auto& [name, members] : classes_) {
      if (name.starts_with("attention.decode.")) fit_decode(name, members);
      if (!name.starts_with("attention.") || used_.contains(name)) continue;
      const TraceRows current = select(members, is_current);
      TraceRows rows = select(current, is_alone);
      const bool alone = !rows.empty();
      if (!alone) rows = current.empty() ? members : current;
      const double ceiling = parameter("gemm" + name.substr(name.rfind('.')) + ".efficiency", 1);
      fit_best_choice(name, "block", {128, 256}, attention_parameters(name, !alone, ceiling), rows);
      fit_other_kernels(name, members, alone);
    }
  }

  void fit_other_kernels(const std::string& name, const TraceRows& members, bool alone) {
    const TraceRows accompanied = select(members, is_accompanied);
    if (alone && !accompanied.empty()) {
      std::vector<FitParameter> parameters = neighbour_parameters(name);
      parameters.push_back({name + ".neighbour_rate", 1, 0.3, 2, 1});
      fit_values(parameters, accompanied);
    }
    if (alone) fit_libraries(name, members);
  }

  // The rate of other kernels over the class's own.
  void fit_libraries(const std::string& name, const TraceRows& members) {
    std::map<std::string, TraceRows> libraries;
    for (const KernelTraceRow* row : members)
      if (!row->library.empty()) libraries[row->library].push_back(row);
    for (const auto& [library, rows] : libraries) {
      const std::string rate = fmt::format("{}.{}", name, library);
      set(rate + ".deviation", spread(fit_values({{rate, 0.6, 0.1, 1.5, 3}}, rows).residuals, 1), kSpreadSource);
    }
  }

  void fit_decode(const std::string& name, const TraceRows& rows) {
    if (rows.size() < kFewest) return;
    fit_best_choice(name, "block", {16, 64}, decode_parameters(name, 2 * chip_.fit.launch.value.value()), rows);
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
    parameters.push_back({"vector.head", chip_.fit.launch.value.value(), 1e-8, 3e-5, 1});
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
    const FitOutcome outcome = robust_fit(parameters, rows.size(), residuals,
                                          {.max_iterations = 60, .tolerance = 1e-6, .huber = 0.15, .covariance = true});
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
    set(name + ".parameter_deviation", outcome.prediction_deviation, "covariance of the class's parameters");
    chip_.fit.covariances[name] = covariance(name, parameters, outcome);
    store_box(name, rows);
    used_[name] = rows;
  }

  static ParameterCovariance covariance(const std::string& name, const std::vector<FitParameter>& parameters,
                                        const FitOutcome& outcome) {
    ParameterCovariance result;
    const std::size_t n = parameters.size();
    for (const FitParameter& p : parameters)
      result.parameters.push_back(p.name.starts_with(name + ".") ? p.name.substr(name.size() + 1) : p.name);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i; j < n; ++j) result.values.push_back(outcome.covariance[i * n + j]);
    return result;
  }

  // What is left of each class's rows after its curve, as a smooth function of the shape. Near a trace the deviation is
  // that on shapes held out; away from all it stays that of the curve.
  void fit_residual_models() {
    constexpr std::size_t kEnough = 40;  // rows: fewer do not carry a surface
    const TracePredictor predictor(chip_);
    ResidualModels models;
    for (const auto& [name, rows] : used_) {
      // Rows of training traces scatter with the power state of their machine, not with the shape.
      if (rows.size() < kEnough || rows.front()->training) continue;
      std::vector<ResidualRow> residuals;
      for (const KernelTraceRow* row : rows) residuals.push_back(predictor.residual(*row));
      const ResidualFit fit = fit_residuals(residuals);
      if (fit.model.bumps.empty()) continue;
      // Where rows of the kernel alone decide its curve, what is left of the others is their neighbour's.
      const bool neighbours = any_neighbour(rows) && select(rows, is_alone).size() >= kFewest;
      const std::string key = neighbours ? name + ".neighbour" : name;
      models[key] = fit.model;
      const double own = parameter(name + ".deviation", 0);
      set(key + ".near_deviation", own * std::min(1.0, fit.held_out / fit.before), "spread on shapes held out");
    }
    chip_.fit.residuals = std::move(models);
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
