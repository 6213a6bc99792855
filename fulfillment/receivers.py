"""What this app does when an app below it tells news."""
