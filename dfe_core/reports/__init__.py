"""HTML, PDF and tables that open anywhere."""
