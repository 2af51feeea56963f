"""Patterns of the tests' own, so that the shipped ones may change."""

from __future__ import annotations

from typing import Any

from c2llm.analysis.patterns.pattern import Pattern, pattern_of

SWALLOWED = """\
name: swallowed
title: Exception swallowed
description: An exception is caught and nothing is done.
severity: high
languages: [python, javascript, java]
advice: Handle it, or let it go.
positive:
  - language: python
    code: |
      try:
          save(order)
      except Exception:
          pass
  - language: javascript
    code: |
      try { save(order) } catch (error) {}
negative:
  - language: python
    code: |
      try:
          save(order)
      except Exception:
          log.exception("order is lost")
          raise
find:
  words: [except, catch]
  query:
    python: |
      ((except_clause (_)? @type (block . (pass_statement) .)) @match
       (#not-any-of? @type "KeyError" "ImportError"))
    javascript: |
      (catch_clause body: (statement_block "{" . "}")) @match
tags: [CWE-390]
references: ["https://example.org/swallowed"]
"""
NO_TIMEOUT = """\
name: no-timeout
title: No timeout
description: A request that may wait for ever.
severity: medium
advice: Give a timeout.
positive:
  - language: python
    code: |
      def load(url):
          return requests.get(url).json()
negative:
  - language: python
    code: |
      def load(url):
          return requests.get(url, timeout=5).json()
find:
  regex: requests\\.(get|post)\\(
  unless:
    - regex: timeout
"""
MEANING = """\
name: by-meaning
title: Retried for ever
description: A loop that tries again without an end.
severity: low
languages: [python]
positive:
  - language: python
    code: |
      def fetch_forever(client, url):
          while True:
              try:
                  return client.get(url)
              except ConnectionError:
                  continue
"""


def fields(**changed: Any) -> dict[str, Any]:
    """What a small pattern says, with some of it changed; None takes a field away."""
    said: dict[str, Any] = {
        "name": "sample",
        "title": "A sample",
        "description": "It is one.",
        "severity": "low",
        "positive": [{"language": "python", "code": "eval(text)\n"}],
    }
    said |= changed
    return {name: value for name, value in said.items() if value is not None}


def sample(**changed: Any) -> Pattern:
    """A small pattern."""
    return pattern_of(fields(**changed), "sample.yaml")


def finding(regex: str | dict[str, str] = "eval", **changed: Any) -> Pattern:
    """A small pattern with a filter that meaning does not gate."""
    return sample(find={"regex": regex} | changed, threshold=-1)


def read(text: str) -> Pattern:
    """A pattern as a file has it."""
    from c2llm.analysis.patterns.yaml_text import read_yaml

    return pattern_of(read_yaml(text.encode(), "a.yaml"), "a.yaml")
