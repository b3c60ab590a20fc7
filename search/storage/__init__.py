"""Sweeps and data sets that lie elsewhere: at any URI that pyarrow knows."""
