"""The embedded AWS: moto in server mode, with the IAM and CloudTrail behaviour it lacks put right."""
