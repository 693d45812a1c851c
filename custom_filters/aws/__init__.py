"""AWS IAM users: get, transform, judge and act."""
