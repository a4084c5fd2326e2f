"""Single random changes of databases, and whether the judge sees them."""
