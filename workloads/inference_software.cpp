// What serving stacks cost beyond kernels and wires, one set of values a stack and no more: nothing here belongs to a
// model or to a published case.
#include <cassert>
#include <vector>

#include "workloads/inference_spec.hpp"

namespace supernode {

namespace {

using namespace literals;

// In-model decode steps of an Ascend 910C took 1.03 to 1.10 times the sum of their kernels (Horacehxw/msModeling,
// docs/perf_database/reports).
Sourced<double> graph_factor() {
  return {1.065, "middle of 1.03 to 1.10: step over sum of kernels, Horacehxw/msModeling reports",
          Confidence::kMeasured};
}

constexpr const char* kCannRecipes = "hicann/cann-recipes-train, docs/llm_rl/deepseek_rl_train_optimization.md, ";

// vLLM-Ascend V1 with a captured graph. The report splits a rollout of 373 s over 3,072 steps: 60 % in the model, 8 s
// in returning memory, the rest, 46 ms a step, on the host; two agreements between replicas over Gloo take 14 ms each
// of it. A rank takes over 27 GB (DeepSeek-R1 under TP2 EP128) in 11.5 s.
InferenceSoftware vllm_ascend() {
  InferenceSoftware s;
  s.name = "vllm-ascend";
  s.step_factor = graph_factor();
  s.host_step = {46_ms, std::string(kCannRecipes) + "section 6.6: (40 % of 373 s - 8 s) / 3,072 steps",
                 Confidence::kDerived};
  s.weight_load = {2.4_GBps, std::string(kCannRecipes) + "section 1.4: reshard 11.5 s of about 27 GB a die",
                   Confidence::kDerived};
  return s;
}

// The same with the agreements over HCCL: 3 ms each instead of 14.
InferenceSoftware vllm_ascend_hccl() {
  InferenceSoftware s = vllm_ascend();
  s.name = "vllm-ascend-hccl";
  s.host_step = {24_ms, std::string(kCannRecipes) + "section 6.6: the 46 ms less 2 x (14 - 3) ms",
                 Confidence::kDerived};
  return s;
}

// Without a captured graph the host launches every kernel, and decoding waits for it: capturing doubled the decode
// throughput of DeepSeek-R1 (section 6.1 of the report).
InferenceSoftware vllm_ascend_eager() {
  InferenceSoftware s = vllm_ascend();
  s.name = "vllm-ascend-eager";
  s.host_launch = {60_us,
                   "floor of one torch_npu call on aarch64 and x86 hosts, 47 to 77 us: PTO-ISA, torch_jit sample",
                   Confidence::kMeasured};
  return s;
}

// Serving software whose host work runs under the device's (CloudMatrix-Infer's decode with asynchronous scheduling,
// SGLang's zero-overhead scheduler, DeepSeek's own, TensorRT-LLM's): gaps only.
InferenceSoftware overlapped() {
  InferenceSoftware s;
  s.name = "overlapped";
  s.step_factor = graph_factor();
  s.host_step = {Seconds(0), "host work runs under the device's: CloudMatrix-Infer (arXiv 2506.12708), SGLang",
                 Confidence::kAssumed};
  return s;
}

// vLLM on CUDA graphs: its V1 engine leaves the device idle for some milliseconds a step.
InferenceSoftware vllm() {
  InferenceSoftware s = overlapped();
  s.name = "vllm";
  s.host_step = {5_ms, "scheduling and input preparation of vLLM V1 at large batch", Confidence::kAssumed};
  return s;
}

std::vector<InferenceSoftware> stacks() {
  return {InferenceSoftware{}, overlapped(), vllm(), vllm_ascend(), vllm_ascend_hccl(), vllm_ascend_eager()};
}

}  // namespace

std::vector<std::string> software_names() {
  std::vector<std::string> names;
  for (const InferenceSoftware& stack : stacks()) names.push_back(stack.name);
  return names;
}

InferenceSoftware software_named(const std::string& name) {
  for (InferenceSoftware& stack : stacks())
    if (stack.name == name) return stack;
  assert(false && "a known stack");
  return {};
}

}  // namespace supernode
