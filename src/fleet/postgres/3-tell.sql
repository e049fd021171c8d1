-- Tells sidecars where they stand: to each on its own channel 'tool version epoch given waiting claimants cap'. NOTIFY takes
-- a lock of the whole server at commit, so this is called only with somebody to tell.
-- Arguments  fleet, tool, the sidecars, the channel's prefix
create or replace function spillway_tell_v1(p_fleet text, p_tool text, p_sidecars text[], p_channel text) returns void
language sql as $$
  with tool as (select t.count from spillway_tools t where t.fleet = p_fleet and t.tool = p_tool),
  fleet as (
    select count(*) filter (where m.place > 0) as line, sum(m.given - m.returned) as held,
           count(*) filter (where m.given > m.returned or m.want > 0) as claimants, min(m.cap) as cap
      from spillway_members m where m.fleet = p_fleet and m.tool = p_tool
  )
  select pg_notify(p_channel || m.sidecar, concat_ws(' ', p_tool, tool.count, m.epoch, m.given,
      greatest(fleet.line - (m.place > 0)::int, (fleet.held > fleet.cap)::int), fleet.claimants, fleet.cap))
    from spillway_members m, tool, fleet
    where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = any (p_sidecars);
$$;
