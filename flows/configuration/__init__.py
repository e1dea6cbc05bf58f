"""What can be configured, told by the models that validate it: for editors as JSON schema, for people as a page."""
