"""One page for the people who decide: what is known, what speaks against going on, and what is not known.

`evidence` reads what the other commands left and what bridges say, `verdict` judges, `charts` and `page` draw. Only the
first of them does I/O.
"""
