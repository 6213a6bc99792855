"""A model of orders and stock in plain Python, written from the documents, to compare the product with."""
