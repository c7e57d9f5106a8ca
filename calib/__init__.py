"""INT8: representative frames, calibration to Q/DQ models, and the gate before them."""
