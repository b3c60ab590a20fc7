"""Where a sweep runs: a private Ray here, a cluster that is there, or a job of it."""
