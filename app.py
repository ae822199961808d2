"""memviz's entry: `streamlit run app.py`. Page configuration and navigation, nothing else."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from memviz import live
from memviz.paths import ASSETS, PAGES
from memviz.web import whole_runs


def main() -> None:
    """Configure the page and run the one that the address asks for."""
    st.set_page_config(page_title="memviz", page_icon=ASSETS / "logo.svg", layout="wide")
    st.logo(ASSETS / "wordmark.svg", size="large")
    gates = st.Page(PAGES / "gates.py", title="Gates", default=True)
    gradients = st.Page(PAGES / "gradients.py", title="Gradients")
    compare = st.Page(PAGES / "compare.py", title="Compare")
    training = st.Page(PAGES / "training.py", title="Train")
    your_model = st.Page(PAGES / "your_model.py", title="Your model")
    st.navigation([gates, gradients, compare, training, your_model], position="top").run()


# Streamlit runs this file as a script at every interaction; the server imports it once, for `app`.
if __name__ == "__main__":
    main()
else:
    # Until somebody has run this file, a link to a page would run that page alone, without this file's navigation.
    PagesManager.uses_pages_directory = False
    whole_runs.check()
    app = st.App(__file__, routes=live.routes())
