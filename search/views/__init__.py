"""What people see of a sweep: on the terminal, in pictures, on pages."""
