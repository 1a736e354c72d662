#pragma once
// What the program's exit code says.

namespace supernode {

enum ExitCode { kDone = 0, kFailed = 1, kBadInput = 2, kDoesNotFit = 3, kInterrupted = 130 };

}  // namespace supernode
