"""What may be searched: one define-by-run space a recipe."""
