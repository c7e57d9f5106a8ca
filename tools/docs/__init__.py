"""Makes the documentation site: its pages outside `docs`, its reference and its pictures."""
