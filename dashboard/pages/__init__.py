"""The pages. Each module has one function `page`, which links/routes.py names to `st.navigation`."""
