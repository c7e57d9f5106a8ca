"""Engines that run the networks: ONNX Runtime, OpenVINO, TensorRT."""
