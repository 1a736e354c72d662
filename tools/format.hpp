#pragma once
// Numbers for people: four significant digits and a unit.

#include <string>

#include "base/quantity.hpp"

namespace supernode {

std::string time_text(Seconds time);               // "12.34 s", "3.210 ms", "0 s"
std::string gib_text(Bytes bytes);                 // "51.2 GiB"
std::string bytes_text(Bytes bytes);               // "1.500 MiB"
std::string flops_rate_text(FlopsPerSecond rate);  // "312.0 TFLOP/s"
std::string flops_text(Flops flops);               // "4.100 EFLOP"
std::string count_text(double count);              // "12.34 M"; below 10,000 in full
std::string percent_text(double fraction);         // "43.2 %"
std::string ratio_text(double ratio);              // "1.234x"
std::string significant_text(double value);        // four significant digits
std::string words(std::string name);               // "all_reduce" as "all reduce"

}  // namespace supernode
