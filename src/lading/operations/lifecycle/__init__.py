"""What verbs about stages and events share: the open ledger, who judges, what is recorded."""
