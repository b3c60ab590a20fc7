"""Who is stopped, who waits, who goes on: pure functions of learning curves."""
