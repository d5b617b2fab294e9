"""Who may do what: users, roles, logins, and a trail of what they changed."""
