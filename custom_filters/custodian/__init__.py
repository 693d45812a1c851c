"""What the Custodian filters and actions of every cloud share: validation, exemptions, the run-wide store."""
