#include "scenarios/collective_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

#include "base/child_process.hpp"
#include "scenarios/collective_json.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

// One point: its question, and how its system differs.
struct Point {
  CollectiveRequest request{CollectiveOp::kAllReduce};
  std::vector<Override> overrides;  // the sweep's common ones first
  std::string set;                  // the point's own, as text
  std::string problem;              // with its settings
};

// A message of one line, without the caret and the source line.
std::string first_line(const Diagnostics& diagnostics) {
  for (const Diagnostic& each : diagnostics.all())
    if (each.severity == Severity::kError)
      return (each.position.file ? to_string(each.position) + ": " : "") + each.message;
  return "";
}

Point make_point(const CollectiveSweep& sweep, const std::vector<Override>& values) {
  Point point{CollectiveRequest(sweep.op), sweep.overrides, "", ""};
  Diagnostics diagnostics;
  for (const Override& setting : sweep.settings) read_setting(point.request, setting, diagnostics);
  for (const Override& value : values) {
    if (is_collective_setting(value.path)) {
      read_setting(point.request, value, diagnostics);
      continue;
    }
    point.overrides.push_back(value);
    point.set += fmt::format("{}{}={}", point.set.empty() ? "" : ";", value.path, value.value);
  }
  finish_request(point.request);
  point.problem = first_line(diagnostics);
  return point;
}

// The fabrics of one run of points: the next point most often stands on the last one's.
class Workshop {
 public:
  explicit Workshop(const CollectiveSweep& sweep) : sweep_(sweep) {}

  Json row(const Point& point) {
    Json row;
    if (!point.problem.empty()) {
      row = failed_row(point.request, sweep_.system, "bad input", point.problem);
    } else {
      try {
        row = answer(point);
      } catch (const std::invalid_argument& impossible) {
        row = failed_row(point.request, sweep_.system, "impossible", impossible.what());
      } catch (const std::exception& failure) {
        row = failed_row(point.request, sweep_.system, "failed", failure.what());
      }
    }
    row["set"] = point.set;
    return row;
  }

 private:
  struct Stand {
    StudySystem study;
    std::unique_ptr<CollectiveBench> bench;
  };

  Json answer(const Point& point) {
    Stand& stand = at(point, false);
    CollectiveAnswer answer = stand.bench->ask(point.request, sweep_.options);
    if (stand.study.system.spec.faults.any())
      answer.healthy = at(point, true).bench->ask(point.request, sweep_.options).time;
    return collective_row(answer, stand.study);
  }

  const StudySystem& study(const Point& point) {
    if (!study_ || point.set != study_set_) {
      Diagnostics diagnostics;
      study_ = load_study_system(sweep_.system, point.overrides, diagnostics);
      study_set_ = point.set;
      if (!study_) throw std::invalid_argument(first_line(diagnostics));
    }
    return *study_;
  }

  // `whole`: without faults.
  Stand& at(const Point& point, bool whole) {
    const StudySystem& study = this->study(point);
    const std::int64_t chips = chips_for(point.request, study.system);
    const std::string key = fmt::format("{}/{}", point.set, chips);
    Stand& stand = stands_[whole];
    if (stand.bench && keys_[whole] == key) return stand;
    stand.bench.reset();
    stand.study = study;
    if (whole) stand.study.system.spec.faults = {};
    stand.bench = std::make_unique<CollectiveBench>(stand.study, chips);
    keys_[whole] = key;
    return stand;
  }

  const CollectiveSweep& sweep_;
  std::optional<StudySystem> study_;
  std::string study_set_;
  Stand stands_[2];
  std::string keys_[2];
};

// Points that follow one another on one system go to one process, in pieces small enough to keep all workers busy.
struct Piece {
  std::size_t begin, end;
};
std::vector<Piece> pieces(const std::vector<Point>& points, int workers) {
  const std::size_t most = std::max<std::size_t>(1, points.size() / (4 * static_cast<std::size_t>(workers)));
  std::vector<Piece> list;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool joins =
        !list.empty() && list.back().end - list.back().begin < most && points[i].set == points[i - 1].set;
    if (joins)
      list.back().end = i + 1;
    else
      list.push_back({i, i + 1});
  }
  return list;
}

std::vector<Json> rows_of(const std::string& text) {
  std::vector<Json> rows;
  for (const Json& row : Json::parse(text)) rows.push_back(row);
  return rows;
}

std::string work_on(const CollectiveSweep& sweep, const std::vector<Point>& points, const Piece& piece) {
  Workshop workshop(sweep);
  Json rows = Json::array();
  for (std::size_t i = piece.begin; i < piece.end; ++i) rows.push_back(workshop.row(points[i]));
  return rows.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Each point in a process of its own, so that one that crashes takes no other with it.
std::vector<Json> one_by_one(const CollectiveSweep& sweep, const std::vector<Point>& points) {
  std::vector<Json> rows;
  for (std::size_t i = 0; i < points.size(); ++i) {
    try {
      rows.push_back(rows_of(run_in_child([&] { return work_on(sweep, points, {i, i + 1}); })).front());
    } catch (const std::exception& failure) {
      rows.push_back(failed_row(points[i].request, sweep.system, "failed", failure.what()));
      rows.back()["set"] = points[i].set;
    }
  }
  return rows;
}

}  // namespace

std::vector<Json> run_collective_sweep(const CollectiveSweep& sweep) {
  std::vector<Point> points;
  for (const auto& values : sweep_points(sweep.axes)) points.push_back(make_point(sweep, values));
  const std::vector<Piece> work = pieces(points, sweep.workers);
  std::vector<Json> rows;
  try {
    const auto texts = run_in_children(
        work.size(), [&](std::size_t i) { return work_on(sweep, points, work[i]); }, sweep.workers);
    for (const std::string& text : texts)
      for (Json& row : rows_of(text)) rows.push_back(std::move(row));
  } catch (const std::runtime_error&) {
    return one_by_one(sweep, points);
  }
  return rows;
}

}  // namespace supernode
