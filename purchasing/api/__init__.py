"""The REST door to reordering."""
