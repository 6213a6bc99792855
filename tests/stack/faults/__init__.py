"""Processes are killed in the middle of the work; nothing may be lost or done twice."""
