"""What the networks are given: the one definition, used by training, calibration and runtime."""
