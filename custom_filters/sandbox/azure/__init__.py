"""Microsoft Entra ID, played on loopback: the log-in service and the needed part of Graph."""
