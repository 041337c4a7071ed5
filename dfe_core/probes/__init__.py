"""What the tokens predict, and how sure one can be."""
