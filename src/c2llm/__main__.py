"""`python -m c2llm` is `c2llm`."""

from c2llm.cli.entry import run

if __name__ == "__main__":
    run()
