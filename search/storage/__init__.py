"""Sweeps and data sets at a URI, on any file system that pyarrow supports."""
