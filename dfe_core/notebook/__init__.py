"""The views of the dashboard as widgets of a notebook: a codeword, the gallery, a recording, a map."""
