"""Predictions of a trained model on pictures, videos and clips, drawn and as files."""
