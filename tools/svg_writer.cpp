#include "tools/svg_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "tools/fabric_export.hpp"

namespace supernode {

void SvgWriter::close(std::string_view tag, std::string_view tooltip) {
  if (tooltip.empty()) {
    body_ += "/>\n";
  } else {
    body_ += fmt::format("><title>{}</title></{}>\n", xml_escaped(tooltip), tag);
  }
}

void SvgWriter::rectangle(Point corner, double width, double height, std::string_view classes,
                          std::string_view tooltip) {
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"", corner.x,
                       corner.y, width, height, classes);
  close("rect", tooltip);
}

void SvgWriter::line(Point from, Point to, double width, std::string_view classes, std::string_view tooltip) {
  body_ +=
      fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke-width=\"{:.2f}\" class=\"{}\"",
                  from.x, from.y, to.x, to.y, width, classes);
  close("line", tooltip);
}

void SvgWriter::arc(Point from, Point to, double height, double width, std::string_view classes,
                    std::string_view tooltip) {
  body_ += fmt::format(
      "<path d=\"M{:.1f} {:.1f} A{:.1f} {:.1f} 0 0 {} {:.1f} {:.1f}\" stroke-width=\"{:.2f}\" class=\"{}\"", from.x,
      from.y, std::abs(to.x - from.x) / 2, std::abs(height), height > 0 ? 1 : 0, to.x, to.y, width, classes);
  close("path", tooltip);
}

void SvgWriter::circle(Point centre, double radius, std::string_view classes) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"/>\n", centre.x, centre.y, radius,
                       classes);
}

void SvgWriter::text(Point anchor, std::string_view classes, std::string_view text) {
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", anchor.x, anchor.y, classes,
                       xml_escaped(text));
}

std::string SvgWriter::document(double width, double height, std::string_view title, std::string_view description,
                                std::string_view style) const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\" aria-labelledby=\"title description\">\n"
      "<title id=\"title\">{2}</title>\n<desc id=\"description\">{3}</desc>\n<style>\n{4}</style>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" class=\"ground\"/>\n{5}</svg>\n",
      width, height, xml_escaped(title), xml_escaped(description), style, body_);
}

}  // namespace supernode
