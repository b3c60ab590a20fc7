"""Small sample data sets of real images, written in each recipe's own format."""
