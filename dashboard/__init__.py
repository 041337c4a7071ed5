"""The Streamlit app: presentation and state alone; every number comes from dfe_core."""
