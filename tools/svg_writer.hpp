#pragma once
// SVG text, element by element. Every text is escaped; a tooltip becomes the element's <title>, which screen readers
// and mouse pointers read.

#include <string>
#include <string_view>

namespace supernode {

struct Point {
  double x = 0, y = 0;
};

class SvgWriter {
 public:
  void rectangle(Point corner, double width, double height, std::string_view classes, std::string_view tooltip = "");
  void line(Point from, Point to, double width, std::string_view classes, std::string_view tooltip = "");
  // Half an ellipse above (or below, with negative height) the chord between two points.
  void arc(Point from, Point to, double height, double width, std::string_view classes, std::string_view tooltip = "");
  void circle(Point centre, double radius, std::string_view classes);
  void text(Point anchor, std::string_view classes, std::string_view text);

  // A whole document with `style` as its CSS.
  std::string document(double width, double height, std::string_view title, std::string_view description,
                       std::string_view style) const;

 private:
  void close(std::string_view tag, std::string_view tooltip);
  std::string body_;
};

}  // namespace supernode
