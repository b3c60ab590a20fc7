"""One training, without a sweep: its epochs, its files, what the stability rules say of it."""
