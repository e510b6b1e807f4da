"""What is measured: one module a question. Each gives a plan, which is arms to run and claims to judge."""
