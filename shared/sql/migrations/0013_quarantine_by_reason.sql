-- Deliveries in quarantine are counted, and looked for, by reason.

create index quarantine_by_reason on quarantine (reason, received_at, event_id);
