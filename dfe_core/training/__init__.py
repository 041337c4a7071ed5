"""Training: frames of the training subjects in, a model folder out."""
