"""Which trials are stopped, paused or promoted: pure functions and small classes over learning curves."""
