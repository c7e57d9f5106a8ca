"""A number per build: figures of a result, what is demanded of them, and how builds compare."""
