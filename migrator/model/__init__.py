"""The plain data that flows between the steps: scan, plan, execute, verify, prove."""
