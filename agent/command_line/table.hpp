// Columns for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace upswarm::command_line {

/// Text of others, fit for a terminal: control characters become '?', so that no reason can move the cursor.
std::string plain(std::string_view text);

/// Rows of cells, each column as wide as its widest cell, two spaces between. Columns named in `right` are aligned to
/// the right. Cells are made plain.
class Table {
 public:
  explicit Table(std::vector<std::string> head, std::vector<std::size_t> right = {});
  void add(std::vector<std::string> row);
  bool is_empty() const { return rows_.size() < 2; }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> right_;
};

}  // namespace upswarm::command_line
