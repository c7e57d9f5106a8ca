"""Calibration of INT8 models and the gate before them: not there yet."""
