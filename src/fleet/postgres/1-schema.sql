-- The tables of a fleet. Run once, under an advisory lock, where the functions of this version are missing.
-- tool_leases is the seed's table, one row a slot: job_id is the sidecar that holds it, and a row past its expires_at
-- belongs to a sidecar that died. The other two hold what a lease table cannot: who waits, and where counting stands.
-- Unlogged: nothing of this is worth a write-ahead log. After a crash or a failover the tables are empty, the sidecars
-- claim what they hold, and nothing new is given for one TTL.
-- The row of spillway_tools without fleet and tool says that this memory is whole: it was made together with the tables, by
-- a sidecar that had never had an answer before, in a schema without functions of ours, and is gone as soon as the tables
-- are emptied (TRUNCATE, a crash), or belongs to another server process (a restart, a failover). A tool that such a memory
-- does not know was never used: 4-report.sql gives at once. docs/decisions/0023-a-store-that-forgot.md.
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
  -- The server process that wrote this; another one may have forgotten something.
  run text not null,
  opens_at timestamptz not null,
  -- Versions, places and epochs; starts from the time, so that no epoch of a lost memory comes again.
  count bigint not null,
  primary key (fleet, tool)
);
-- While it lasts, what an unknown sidecar holds says that the first start was none (4-report.sql).
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
  -- 0 outside of the line.
  place bigint not null,
  stated bigint not null,
  primary key (fleet, tool, sidecar)
);
