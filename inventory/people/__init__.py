"""People who come in: what their roles allow, invitations, second factor, sessions, limits, and who did what of it."""
