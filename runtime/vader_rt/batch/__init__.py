"""Many recordings: which there are, one job each, on one machine or on a Ray cluster, an index."""
