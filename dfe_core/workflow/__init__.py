"""Work of several steps: a study from recordings to its supplement, planned, run and resumed."""
