"""What recipes for images share: average precision, labels, image input, inference, ONNX."""
