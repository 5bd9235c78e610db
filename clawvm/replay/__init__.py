"""Recorded sessions in, numbers out."""
