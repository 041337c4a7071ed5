"""What surrounds every page: script, sidebar, tour, addresses and access."""
