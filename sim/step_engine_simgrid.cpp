#include "sim/step_engine.hpp"
