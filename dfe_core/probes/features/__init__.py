"""What is predicted from: raw material counted once a recording, and transforms that are fitted inside folds."""
