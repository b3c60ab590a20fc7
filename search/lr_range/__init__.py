"""The learning rate range test: short trainings at rising rates, the range they suggest, a figure."""
