"""What a client leaks, for its makers: measured with the camera's picture at hand, not estimated.

`align` brings camera and call together; `room` and `person` say what the camera shows, `leak` what
of it the call shows though it should not; `job` runs them all.
"""
