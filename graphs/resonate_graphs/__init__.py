"""Stock restoration graphs: JSON files."""
