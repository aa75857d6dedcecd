"""The pages of administrators: users, invitations and events."""
