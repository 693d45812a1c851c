"""Google users, service accounts and keys: get, transform, judge and act."""
