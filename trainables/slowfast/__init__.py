"""SlowFast on thermal clips (the thermal SlowFast report, document 004)."""
