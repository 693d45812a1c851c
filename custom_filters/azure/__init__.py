"""Microsoft Entra ID users: get, transform, judge and act."""
