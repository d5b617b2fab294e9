"""Forms made from declarations of settings."""
