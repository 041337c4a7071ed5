"""What is drawn: figures, cards, maps, and the views that run in the browser."""
