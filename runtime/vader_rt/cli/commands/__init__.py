"""What `vader-rt` can be told to do, a module each: its options, and its job."""
