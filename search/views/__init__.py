"""What users see of a sweep: tables and sentences on the terminal, figures, reports."""
