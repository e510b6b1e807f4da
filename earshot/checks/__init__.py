"""What `earshot doctor` looks at: small functions, each giving findings."""
