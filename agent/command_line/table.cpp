#include "agent/command_line/table.hpp"

#include <algorithm>

namespace upswarm::command_line {
namespace {

/// Characters of UTF-8 text.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string plain(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20U || byte == 0x7FU) c = byte == '\n' || byte == '\t' ? ' ' : '?';
  }
  // The C1 controls, which some terminals obey, are 0xC2 0x80..0x9F in UTF-8.
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    const auto next = static_cast<unsigned char>(out[i + 1]);
    if (static_cast<unsigned char>(out[i]) == 0xC2U && next >= 0x80U && next < 0xA0U) out.replace(i, 2, "?");
  }
  return out;
}

Table::Table(std::vector<std::string> head, std::vector<std::size_t> right) : right_(std::move(right)) {
  rows_.push_back(std::move(head));
}

void Table::add(std::vector<std::string> row) {
  row.resize(rows_.front().size());
  for (auto& cell : row) cell = plain(cell);
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      const bool is_right = std::ranges::find(right_, i) != right_.end();
      if (i > 0) line += "  ";
      line += is_right ? padding + row[i] : row[i] + padding;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += line + "\n";
  }
  return out;
}

}  // namespace upswarm::command_line
