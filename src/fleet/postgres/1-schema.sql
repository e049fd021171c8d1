-- The tables of a fleet. Run once, under an advisory lock, where the functions of this version are missing.
-- tool_leases is the seed's table, one row a slot: job_id is the sidecar that holds it, and a row past its expires_at
-- belongs to a sidecar that died. The other two hold what a lease table cannot: who waits, and where counting stands.
-- Unlogged: nothing of this is worth a write-ahead log. After a crash or a failover the tables are empty, the sidecars
-- claim what they hold, and nothing new is given for one TTL.
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
