-- What a sidecar would have been told of its tools, for one that hears no NOTIFY: behind a pooler that lends sessions.
-- Arguments  fleet, sidecar
-- Returns    for each of its tools 'tool version epoch given waiting claimants cap', as 3-tell.sql tells it
create or replace function spillway_news_v1(p_fleet text, p_sidecar text) returns setof text
language sql stable as $$
  select concat_ws(' ', m.tool, t.count, m.epoch, m.given,
      greatest(f.line - (m.place > 0)::int, (f.held > f.cap)::int), f.claimants, f.cap)
    from spillway_members m
    join spillway_tools t on t.fleet = m.fleet and t.tool = m.tool
    cross join lateral (
      select count(*) filter (where o.place > 0) as line, sum(o.given - o.returned) as held,
             count(*) filter (where o.given > o.returned or o.want > 0) as claimants, min(o.cap) as cap
        from spillway_members o where o.fleet = m.fleet and o.tool = m.tool
    ) f
    where m.fleet = p_fleet and m.sidecar = p_sidecar;
$$;
