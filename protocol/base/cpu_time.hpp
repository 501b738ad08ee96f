// What work costs, in processor time: for reports of cost, never for decisions.
#pragma once

#include <chrono>

namespace upswarm {

using CpuTime = std::chrono::microseconds;

/// User and system time of the calling thread so far. Zero where the system does not say.
CpuTime thread_cpu_time();
/// The same of the whole process, with all threads there were.
CpuTime process_cpu_time();

}  // namespace upswarm
