"""The instructions that C2LLM was trained with, by the name of the MTEB-Code task.

Table 1 of the paper (arXiv 2512.21332). A query is `instruction + "\\n" + text`. For
CodeTransOceanDL the paper and MTEB's own definition of the model differ; this is the paper's.
"""

from __future__ import annotations

DOCUMENT_PROMPT = "Retrieved Answer:"
"""What the published models expect before every document, with no space after it."""

INSTRUCTIONS = {
    "AppsRetrieval": (
        "Given a problem description from a programming contest, retrieve code examples that can "
        "assist in solving it."
    ),
    "CodeEditSearchRetrieval": "Retrieve the diff code that relevant the following query:",
    "CodeFeedbackMT": (
        "Given a multi-turn conversation history that includes both text and code, retrieve "
        "relevant multi-modal answers composed of text and code that address the ongoing "
        "discussion."
    ),
    "CodeFeedbackST": (
        "Given a single-turn question composed of text and code, retrieve suitable answers that "
        "also mix text and code to provide helpful feedback."
    ),
    "CodeSearchNetCCRetrieval": (
        "Given an initial code segment, retrieve the subsequent segment that continues the code."
    ),
    "CodeSearchNetRetrieval": "Retrieve the code that solves the following query:",
    "CodeTransOceanContest": (
        "Given a Python code snippet, retrieve its semantically equivalent version written in C++."
    ),
    "CodeTransOceanDL": (
        "Given a code snippet, retrieve a semantically equivalent implementation of the same code."
    ),
    "COIRCodeSearchNetRetrieval": (
        "Given a code snippet, retrieve its corresponding document string that summarizes its "
        "functionality."
    ),
    "CosQA": (
        "Given a query from a web search, retrieve code that is helpful in addressing the query."
    ),
    "StackOverflowQA": (
        "Given a question combining text and code, retrieve relevant answers that also contain "
        "both text and code snippets and can address the question."
    ),
    "SyntheticText2SQL": (
        "Given a natural language question, retrieve SQL queries that serve as appropriate "
        "responses."
    ),
}
