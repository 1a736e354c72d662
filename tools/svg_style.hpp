#pragma once
// The colours of the fabric's picture, for light and dark pages. Loads run from pale blue to magenta in ten steps of
// falling (on dark pages rising) lightness, so that they can be told apart without seeing hue.

#include <string_view>

namespace supernode {

inline constexpr std::string_view kFabricStyle = R"(
.ground { fill: #ffffff }
text { font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 11px; fill: #24292f }
.title { font-size: 17px; font-weight: 600 }
.small { font-size: 9px; fill: #57606a }
.end { text-anchor: end }
.box { stroke: #57606a; stroke-width: 0.8 }
.device { fill: #f6f8fa } .nic { fill: #e6ebf1 } .out { fill: #d8dee6 }
.dot, .chip { fill: #57606a }
.s0 { fill: #cfe3f7 } .s1 { fill: #fde2bd } .s2 { fill: #d5efd0 } .s3 { fill: #f8d2d6 }
.s4 { fill: #e2d7f3 } .s5 { fill: #d0efee } .s6 { fill: #f6edb8 } .s7 { fill: #e8dccf }
.link { fill: none; stroke-linecap: butt }
.idle { stroke: #c9d1d9 }
.dead { stroke: #e5190b; stroke-dasharray: 5 3 }
.l0 { stroke: #b5cfe8 } .l1 { stroke: #93b9df } .l2 { stroke: #71a1d5 } .l3 { stroke: #5487c8 } .l4 { stroke: #456bb8 }
.l5 { stroke: #4a4fa6 } .l6 { stroke: #5f3594 } .l7 { stroke: #761f83 } .l8 { stroke: #860c6e } .l9 { stroke: #8b0051 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 }
text { fill: #e6edf3 } .small { fill: #9aa4af }
.box { stroke: #8b949e }
.device { fill: #161b22 } .nic { fill: #21262d } .out { fill: #2d333b }
.dot, .chip { fill: #9aa4af }
.s0 { fill: #17344f } .s1 { fill: #4d3410 } .s2 { fill: #1d3f1a } .s3 { fill: #4e1f26 }
.s4 { fill: #34264f } .s5 { fill: #14403f } .s6 { fill: #463f10 } .s7 { fill: #3b3024 }
.idle { stroke: #30363d }
.dead { stroke: #ff6b5e }
.l0 { stroke: #33475c } .l1 { stroke: #38587a } .l2 { stroke: #416a99 } .l3 { stroke: #5379b4 } .l4 { stroke: #6f85c6 }
.l5 { stroke: #8e8fd2 } .l6 { stroke: #ab98da } .l7 { stroke: #c8a1df } .l8 { stroke: #e2abe2 } .l9 { stroke: #ffb8e6 }
}
)";

}  // namespace supernode
