"""SlowFast on thermal clips (document 004)."""
