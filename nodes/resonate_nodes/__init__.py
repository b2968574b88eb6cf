"""Stock nodes."""
