"""Stages: sweeps in a row, each of which starts from the best checkpoint of the winner of the one before."""
