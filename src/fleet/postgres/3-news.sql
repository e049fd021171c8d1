-- What a sidecar is told between its reports, and the two ways to it: NOTIFY, or a query where NOTIFY does not arrive.

-- Where each sidecar of one tool stands: `Snapshot` in src/fleet/store.ts, and the same as text for the channel:
-- 'tool version epoch given waiting claimants cap'.
create or replace function spillway_snapshots_v1(p_fleet text, p_tool text) returns table (
  sidecar text, version bigint, epoch bigint, given bigint, waiting bigint, claimants bigint, cap bigint, news text
)
language sql stable as $$
  select s.sidecar, s.version, s.epoch, s.given, s.waiting, s.claimants, s.cap,
         concat_ws(' ', p_tool, s.version, s.epoch, s.given, s.waiting, s.claimants, s.cap)
    from (
      select m.sidecar, t.count as version, m.epoch, m.given,
             greatest(f.line - (m.place > 0)::int, (f.held > f.cap)::int)::bigint as waiting, f.claimants, f.cap
        from spillway_tools t
        join spillway_members m on m.fleet = t.fleet and m.tool = t.tool
        cross join (
          select count(*) filter (where o.place > 0) as line, sum(o.given - o.returned) as held,
                 count(*) filter (where o.given > o.returned or o.want > 0) as claimants, min(o.cap) as cap
            from spillway_members o where o.fleet = p_fleet and o.tool = p_tool
        ) f
        where t.fleet = p_fleet and t.tool = p_tool
    ) s;
$$;

-- Tells each of some sidecars on its own channel. NOTIFY takes a lock of the whole server at commit, so this is called
-- only with somebody to tell.
-- Arguments  fleet, tool, the sidecars, the channel's prefix
create or replace function spillway_tell_v1(p_fleet text, p_tool text, p_sidecars text[], p_channel text) returns void
language sql as $$
  select pg_notify(p_channel || s.sidecar, s.news)
    from spillway_snapshots_v1(p_fleet, p_tool) s where s.sidecar = any (p_sidecars);
$$;

-- The same by a query, for all tools of a sidecar that hears no NOTIFY: behind a pooler that lends sessions.
-- Arguments  fleet, sidecar
create or replace function spillway_news_v1(p_fleet text, p_sidecar text) returns setof text
language sql stable as $$
  select s.news
    from spillway_members m
    cross join lateral spillway_snapshots_v1(m.fleet, m.tool) s
    where m.fleet = p_fleet and m.sidecar = p_sidecar and s.sidecar = m.sidecar;
$$;
