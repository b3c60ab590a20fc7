"""What happened in a sweep: the events, and the Parquet files that keep them."""
