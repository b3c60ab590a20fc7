"""The best configuration in its recipe's own format, what it says of itself, and the proof of it."""
