"""`python -m memviz` is the `memviz` command."""

from memviz.web.command import main

main()
