"""Find and retire cloud identities that nobody uses, as Cloud Custodian policies."""
