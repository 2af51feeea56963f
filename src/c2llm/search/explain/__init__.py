"""Why a hit is there: what its score is made of, by parts, by lines and by words of the query."""
