"""The pages. Each module has one function `page`, which main.py names to `st.navigation`.

Until `st.navigation` has been called once, Streamlit takes a folder called pages for its older kind of multipage app
and runs the file that a link names by itself. Such a file hands over to main.py, which then opens the page.
"""
