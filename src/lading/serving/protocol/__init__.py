"""The Open Inference Protocol, version 2: bytes into tensors and back. No network, no model."""
