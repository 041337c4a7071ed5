"""What a link carries: pages, query parameters, sets of frames."""
