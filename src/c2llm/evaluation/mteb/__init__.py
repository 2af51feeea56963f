"""MTEB(Code, v1) through the `mteb` package as it is; none of these modules imports it at its top.

mteb_tasks.py   the twelve tasks, from the hub or from local copies of their data sets
prompts.py      the instruction before each task's queries, the prompt before its documents
mteb_model.py   an encoder as mteb asks for one
meta.py         mteb's description of a model
mteb_run.py     every task through one model, results in mteb's own layout
published.py    the leaderboard's scores
mteb_report.py  ours beside them
"""
