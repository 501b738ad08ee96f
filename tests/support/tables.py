"""Tables that people read in a terminal and in Markdown alike."""


def table(rows, head):
    """The text of a table."""
    cells = [[str(cell) for cell in row] for row in [head] + rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in [cells[0], ["-" * w for w in widths]] + cells[1:]]
    return "\n".join(lines)
