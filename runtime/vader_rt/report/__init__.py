"""A report on a result: one HTML file for people, with its pictures, that needs no network."""
