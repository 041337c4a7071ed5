"""What dfe does on recordings of real people: one command for every table of docs/real-faces.md."""
