"""What is asked of a sweep: its description, all that follows from it, and its folder."""
