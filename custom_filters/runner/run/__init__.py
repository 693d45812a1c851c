"""The command `c7n-unused run`: policy files, Custodian children, plan, enforcement."""
