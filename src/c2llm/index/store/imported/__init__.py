"""What users have measured of their code and imported: kept, filtered, joined to today's chunks."""
