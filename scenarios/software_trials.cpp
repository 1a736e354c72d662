#include "scenarios/software_trials.hpp"

#include <atomic>
#include <cmath>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "sim/step_software.hpp"

namespace supernode {
namespace {

// Trials [first, last) of one row, which share the memory of one program.
struct Batch {
  std::size_t first = 0, last = 0;
};

std::vector<Batch> batches_of(const std::vector<SoftwareTrial>& trials) {
  std::vector<Batch> out;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (out.empty() || trials[i].row != trials[i - 1].row) out.push_back({i, i});
    out.back().last = i + 1;
  }
  return out;
}

// Calls `work` for each index, on several threads. Throws what the first failure threw.
void for_each_index(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> pool;
  for (int t = 1; t < threads; ++t) pool.emplace_back(run);
  run();
  for (std::thread& thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
}

double cost_variance(const PricedStep& priced, const SoftwareSpec& software) {
  TimedProgram program;
  const auto step_time = [&](const FamilyValues& factors) {
    apply_software(priced.program, software, factors, program);
    return run_step_replay(program, options_under(priced, software)).step_time;
  };
  const Seconds undisturbed = step_time(unit_factors());
  double variance = 0;
  for (std::size_t f = 0; f < priced.deviation.size(); ++f) {
    if (priced.deviation[f] <= 0) continue;
    FamilyValues factors = unit_factors();
    factors[f] = std::exp(priced.deviation[f]);
    variance += std::pow(std::log(step_time(factors) / undisturbed), 2);
  }
  return variance;
}

}  // namespace

std::vector<double> cost_variances(const std::vector<PricedStep>& priced, const SoftwareSpec& software, int threads) {
  std::vector<double> out(priced.size());
  for_each_index(out.size(), threads, [&](std::size_t i) { out[i] = cost_variance(priced[i], software); });
  return out;
}

std::vector<PricedStep> price_rows(SoftwareRows& rows, int workers) {
  std::vector<PricedStep> priced;
  std::vector<SoftwareRow> kept;
  for (SoftwareRow& row : rows.rows) {
    try {
      priced.push_back(price_step(row.input, workers));
      kept.push_back(std::move(row));
    } catch (const std::runtime_error& e) {
      rows.skipped.push_back({row.id, e.what()});
    }
  }
  rows.rows = std::move(kept);
  return priced;
}

std::vector<double> trial_residuals(const std::vector<SoftwareRow>& rows, const std::vector<PricedStep>& priced,
                                    const std::vector<SoftwareTrial>& trials, int threads) {
  const std::vector<Batch> batches = batches_of(trials);
  std::vector<double> out(trials.size());
  for_each_index(batches.size(), threads, [&](std::size_t b) {
    TimedProgram program;
    const std::size_t row = trials[batches[b].first].row;
    for (std::size_t i = batches[b].first; i < batches[b].last; ++i) {
      const SoftwareSpec software = trial_software(trials[i], rows[row].input.software);
      apply_software(priced[row].program, software, unit_factors(), program);
      const StepResult result = run_step_replay(program, options_under(priced[row], software));
      out[i] = std::log(result.step_time / rows[row].measured);
    }
  });
  return out;
}

}  // namespace supernode
