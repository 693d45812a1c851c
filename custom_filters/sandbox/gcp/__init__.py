"""The Google part of the embedded clouds: Workspace, IAM and what tells when an identity was last used."""
