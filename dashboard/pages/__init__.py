"""The pages. Each module has one function `page`, which components/routes.py names to `st.navigation`."""
