"""Nothing leaves: which addresses the settings name, and the guard that refuses every other one."""
