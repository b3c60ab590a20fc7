"""What is decided in a sweep: the coordinator, the decision rules, the budget, and which checkpoints stay."""
