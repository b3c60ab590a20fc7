"""What may be searched: one define-by-run space for each recipe."""
