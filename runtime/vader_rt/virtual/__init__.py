"""What stands behind the caller: the virtual background, estimated or given."""
