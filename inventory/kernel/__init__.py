"""Ground that every app stands on. Has no models and knows no app."""
