-- The tables of a fleet. This file runs once, under an advisory lock, where the functions of this version are missing.
-- tool_leases has one row for each slot that is held: job_id is the sidecar, and a row past its expires_at belongs to a
-- sidecar that died. It is for people. The rules read the other two: spillway_members has one row for each sidecar of a
-- tool (`Member` in src/fleet/ledger.ts), spillway_tools has one for each tool.
-- The tables are unlogged, because nothing of this is worth a write-ahead log. After a crash or a failover they are empty:
-- sidecars claim what they hold, and nothing new is given for one TTL.
-- The row of spillway_tools without fleet and tool says that this memory is whole. A sidecar that had never had an answer
-- before made it together with the tables, in a schema without functions of ours. The row is gone as soon as the tables are
-- emptied (TRUNCATE, a crash), and belongs to another server process after a restart or a failover. A tool that such a
-- memory does not know was never used, so 4-report.sql gives at once. docs/decisions/0023-a-store-that-forgot.md.
create unlogged table if not exists tool_leases (
  lease_id text primary key,
  tool_name text not null,
  job_id text not null,
  expires_at timestamptz not null,
  heartbeat_at timestamptz not null
);
alter table tool_leases add column if not exists fleet text not null default '';
create index if not exists tool_leases_of_sidecar on tool_leases (fleet, tool_name, job_id);

create unlogged table if not exists spillway_tools (
  fleet text not null,
  tool text not null,
  -- The server process that wrote this; another one may have forgotten what sidecars hold.
  run text not null,
  opens_at timestamptz not null,
  -- Versions, places and epochs; starts from the time, so that no epoch of a lost memory comes again.
  count bigint not null,
  primary key (fleet, tool)
);
-- Until then a sidecar that is unknown and holds slots shows that this was not a first start (4-report.sql).
alter table spillway_tools add column if not exists first_until timestamptz;

create unlogged table if not exists spillway_members (
  fleet text not null,
  tool text not null,
  sidecar text not null,
  epoch bigint not null,
  expires_at timestamptz not null,
  given bigint not null,
  returned bigint not null,
  want bigint not null,
  cap bigint not null,
  -- In the line, lowest first; 0 outside of it.
  place bigint not null,
  -- The highest order of the sidecar's reports.
  stated bigint not null,
  primary key (fleet, tool, sidecar)
);
