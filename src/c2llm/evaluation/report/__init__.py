"""The reports of an evaluation put together: one object, one Markdown text, figures."""
