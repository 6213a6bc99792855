"""How far from the limit the product is: figures taken on stacks made for them, each with its target and its rows counted."""
