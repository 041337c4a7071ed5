"""Parts of pages: each asks, shows and acts."""
