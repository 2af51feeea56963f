"""`c2llm patterns`: what once caused harm, looked for again."""
