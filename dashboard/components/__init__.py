"""Building blocks of the pages: state, loaders, views, background jobs."""
