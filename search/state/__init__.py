"""What a journal's rows add up to: trials, their order, their result."""
