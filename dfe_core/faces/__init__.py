"""Face models: a face that can be deformed."""
