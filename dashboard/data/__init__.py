"""What the pages read: artefacts kept open, packs for the browser, background jobs, dropped files."""
