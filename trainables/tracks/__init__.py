"""A detector's boxes followed through sequences with known tracks, and scored: ID switches, MOTA, IDF1, HOTA."""
