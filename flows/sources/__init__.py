"""Sources: files read into typed frames."""
