"""Charts as plain values, and what draws them: interactive pages and pictures."""
