"""The user's own objects: a `Workspace` (what the cache holds) and a `Study` (one codebook over one dataset)."""
