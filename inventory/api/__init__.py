"""The REST door to stock, and what every app's REST door is made of: access, errors, pages, fields, resources."""
