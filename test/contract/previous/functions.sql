-- Hands free slots down the line: one each, then to the end of the line; who is alone in it takes all that is free.
-- Arguments  fleet, tool; the caller holds the lock on the tool's row
-- Returns    the sidecars that got a slot
create or replace function spillway_hand_out_v1(p_fleet text, p_tool text) returns text[]
language plpgsql as $$
declare
  v_held bigint;
  v_count bigint;
  v_line bigint;
  v_slots bigint;
  v_cap bigint;
  v_next spillway_members;
  v_promoted text[] := '{}';
begin
  select coalesce(sum(m.given - m.returned), 0), count(*) filter (where m.place > 0), min(m.cap)
    into v_held, v_line, v_cap
    from spillway_members m where m.fleet = p_fleet and m.tool = p_tool;
  if v_line = 0 then return v_promoted; end if;
  select t.count into v_count from spillway_tools t where t.fleet = p_fleet and t.tool = p_tool;
  loop
    select * into v_next from spillway_members m
      where m.fleet = p_fleet and m.tool = p_tool and m.place > 0 order by m.place limit 1;
    exit when not found or v_held >= v_cap;
    v_slots := case when v_line = 1 then least(v_next.want, v_cap - v_held) else 1 end;
    insert into tool_leases (lease_id, tool_name, job_id, expires_at, heartbeat_at, fleet)
      select concat_ws('/', p_fleet, p_tool, v_next.sidecar, v_next.epoch, n), p_tool, v_next.sidecar,
             v_next.expires_at, clock_timestamp(), p_fleet
        from generate_series(v_next.given + 1, v_next.given + v_slots) n
      on conflict (lease_id) do nothing;
    v_held := v_held + v_slots;
    v_count := v_count + 1;
    if v_next.want = v_slots then v_line := v_line - 1; end if;
    update spillway_members m
      set given = m.given + v_slots, want = m.want - v_slots,
          place = case when m.want = v_slots then 0 else v_count end
      where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = v_next.sidecar;
    if not v_next.sidecar = any (v_promoted) then v_promoted := v_promoted || v_next.sidecar; end if;
  end loop;
  update spillway_tools t set count = v_count where t.fleet = p_fleet and t.tool = p_tool;
  return v_promoted;
end $$;
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
-- A sidecar says where it stands with one tool and is told where it stands: src/fleet/ledger.ts in PL/pgSQL.
-- Arguments  see the names; p_most: sidecars of one tool at most, else the error FLEET_FULL
-- Returns    one row, as `Allotment` in src/fleet/store.ts
-- The time is clock_timestamp() read under the lock: now() would be the time before waiting for it.
create or replace function spillway_report_v2(
  p_fleet text, p_tool text, p_sidecar text, p_ttl_ms bigint, p_cap bigint, p_epoch bigint, p_returned bigint,
  p_held bigint, p_want bigint, p_order bigint, p_channel text, p_most bigint
) returns table (
  version bigint, epoch bigint, given bigint, waiting bigint, claimants bigint, cap bigint, sidecars bigint,
  rank bigint, paused_ms bigint, next_end_ms bigint
)
language plpgsql as $$
#variable_conflict use_column
declare
  v_run text := extract(epoch from pg_postmaster_start_time())::text;
  v_ttl interval := make_interval(secs => p_ttl_ms / 1000.0);
  v_now timestamptz;
  v_tool spillway_tools;
  v_me spillway_members;
  v_others bigint;
  v_held bigint;
  v_line bigint;
  v_stood_in_line boolean;
  v_was_claimant boolean;
  v_returned bigint;
  v_told text[];
  v_promoted text[] := '{}';
  v_is_whole boolean;
begin
  -- What a crash loses here, the pause after it makes up for.
  perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '2s', true);
  select * into v_tool from spillway_tools t where t.fleet = p_fleet and t.tool = p_tool for update;
  if not found then
    v_now := clock_timestamp();
    -- A memory that is whole and does not know the tool: nobody holds anything of it.
    v_is_whole := exists (select from spillway_tools t where t.fleet = '' and t.tool = '' and t.run = v_run);
    insert into spillway_tools (fleet, tool, run, opens_at, count, first_until)
      values (p_fleet, p_tool, v_run, case when v_is_whole then v_now else v_now + v_ttl end,
              floor(extract(epoch from v_now) * 1000), case when v_is_whole then v_now + v_ttl end)
      on conflict do nothing;
    select * into v_tool from spillway_tools t where t.fleet = p_fleet and t.tool = p_tool for update;
  end if;
  v_now := clock_timestamp();
  -- Another server than the one that wrote this: it may have forgotten what others hold.
  if v_tool.run <> v_run then v_tool.opens_at := v_now + v_ttl; end if;
  v_tool.count := v_tool.count + 1;
  update spillway_tools t set run = v_run, opens_at = v_tool.opens_at, count = v_tool.count
    where t.fleet = p_fleet and t.tool = p_tool;

  -- End dead sessions.
  if exists (select from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.expires_at <= v_now) then
    with dead as (
      delete from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.expires_at <= v_now
        returning m.sidecar
    )
    delete from tool_leases l using dead where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id = dead.sidecar;
  end if;

  -- Hear.
  select * into v_me from spillway_members m
    where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar;
  v_stood_in_line := coalesce(v_me.place > 0, false);
  v_was_claimant := coalesce(v_me.given > v_me.returned or v_me.want > 0, false);
  select count(*), coalesce(sum(m.given - m.returned), 0), count(*) filter (where m.place > 0)
    into v_others, v_held, v_line
    from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.sidecar <> p_sidecar;
  -- A statement that was overtaken by later ones may be of a session that is over: it does not end the one that lives.
  if v_me.sidecar is null or (v_me.epoch <> p_epoch and p_order > v_me.stated) then
    if v_me.sidecar is null and v_others >= p_most then
      raise exception 'FLEET_FULL' using errcode = 'SPLWY';
    end if;
    -- Somebody held slots before the first start: the tables were thrown away under living sidecars, and made again by one
    -- that knew nothing of it. What they hold counts in full, also beyond the cap, and nobody gets more for one TTL.
    if v_me.sidecar is null and (p_epoch > 0 or p_held > 0) and v_now < coalesce(v_tool.first_until, v_now) then
      v_tool.opens_at := v_now + v_ttl;
      v_tool.first_until := v_tool.opens_at;
      update spillway_tools t set opens_at = v_tool.opens_at, first_until = v_tool.first_until
        where t.fleet = p_fleet and t.tool = p_tool;
      delete from spillway_tools t where t.fleet = '' and t.tool = '';
    end if;
    -- Nobody is known, but the speaker was busy: the store was out of reach, perhaps of others, too, that run what they hold.
    if v_me.sidecar is null and v_others = 0 and (p_epoch > 0 or p_held > 0) then
      v_tool.opens_at := greatest(v_tool.opens_at, v_now + v_ttl);
      update spillway_tools t set opens_at = v_tool.opens_at where t.fleet = p_fleet and t.tool = p_tool;
    end if;
    delete from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar;
    delete from tool_leases l where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id = p_sidecar;
    v_me := row (p_fleet, p_tool, p_sidecar, v_tool.count, v_now + v_ttl,
      case when v_now >= v_tool.opens_at then 0
           when v_now < coalesce(v_tool.first_until, v_now) then p_held
           else greatest(0, least(p_held, p_cap - v_held)) end,
      0, 0, p_cap, 0, 0);
    insert into spillway_members select v_me.*;
    insert into tool_leases (lease_id, tool_name, job_id, expires_at, heartbeat_at, fleet)
      select concat_ws('/', p_fleet, p_tool, p_sidecar, v_me.epoch, n), p_tool, p_sidecar, v_me.expires_at, v_now,
             p_fleet
        from generate_series(1, v_me.given) n
      on conflict (lease_id) do nothing;
  elsif v_me.expires_at < v_now + v_ttl * 0.75 then
    -- The rows follow the session now and then: they are for people, and are never late by more than that.
    update tool_leases l set expires_at = v_now + v_ttl, heartbeat_at = v_now
      where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id = p_sidecar;
  end if;
  -- What was returned in another session is none of this one's.
  v_returned := least(v_me.given, greatest(v_me.returned, case when v_me.epoch = p_epoch then p_returned else 0 end));
  if v_returned > v_me.returned then
    delete from tool_leases l where l.lease_id in (
      select concat_ws('/', p_fleet, p_tool, p_sidecar, v_me.epoch, n)
        from generate_series(v_me.returned + 1, v_returned) n);
  end if;
  if p_order > v_me.stated then
    v_me.stated := p_order;
    v_me.cap := p_cap;
    v_me.want := p_want;
  end if;
  v_me.place := case when v_me.want = 0 then 0
                     when v_me.place = 0 or v_returned > v_me.returned then v_tool.count
                     else v_me.place end;
  v_me.returned := v_returned;
  update spillway_members m
    set expires_at = v_now + v_ttl, returned = v_returned, want = v_me.want, cap = v_me.cap, place = v_me.place,
        stated = v_me.stated
    where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar;

  if v_now >= v_tool.opens_at then v_promoted := spillway_hand_out_v1(p_fleet, p_tool); end if;
  v_told := array_remove(v_promoted, p_sidecar);

  return query
    select t.count, m.epoch, m.given,
           greatest(f.line - (m.place > 0)::int, (f.held > f.cap)::int)::bigint, f.claimants, f.cap, f.sidecars, f.rank,
           greatest(0, ceil(extract(epoch from v_tool.opens_at - v_now) * 1000))::bigint,
           coalesce(ceil(extract(epoch from f.next_end - v_now) * 1000), 0)::bigint
      from spillway_tools t, spillway_members m, (
        select count(*) as sidecars, sum(o.given - o.returned) as held, count(*) filter (where o.place > 0) as line,
               count(*) filter (where o.given > o.returned or o.want > 0) as claimants, min(o.cap) as cap,
               count(*) filter (where o.sidecar collate "C" < p_sidecar collate "C") as rank,
               min(o.expires_at) filter (where o.sidecar <> p_sidecar) as next_end
          from spillway_members o where o.fleet = p_fleet and o.tool = p_tool
      ) f
      where t.fleet = p_fleet and t.tool = p_tool
        and m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar;

  -- Who holds slots learns that somebody stands in line who did not before: an idle one is wanted.
  if (not v_was_claimant or (v_line < 2 and not v_stood_in_line)) and exists (
    select from spillway_members m
      where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar and m.want > 0
  ) then
    v_told := v_told || array(
      select m.sidecar from spillway_members m
        where m.fleet = p_fleet and m.tool = p_tool and m.sidecar <> p_sidecar
          and m.given > m.returned and m.sidecar <> all (v_promoted));
  end if;
  if cardinality(v_told) > 0 then perform spillway_tell_v1(p_fleet, p_tool, v_told, p_channel); end if;
end $$;
-- A sidecar gives back all that it holds of one tool and is forgotten; the next in line get it.
-- Arguments  fleet, tool, sidecar, the channel's prefix
create or replace function spillway_leave_v1(p_fleet text, p_tool text, p_sidecar text, p_channel text) returns void
language plpgsql as $$
declare
  v_opens_at timestamptz;
  v_now timestamptz;
  v_told text[];
begin
  perform set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '2s', true);
  select t.opens_at into v_opens_at from spillway_tools t where t.fleet = p_fleet and t.tool = p_tool for update;
  if not found then return; end if;
  v_now := clock_timestamp();
  delete from tool_leases l where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id in (
    select m.sidecar from spillway_members m
      where m.fleet = p_fleet and m.tool = p_tool and (m.sidecar = p_sidecar or m.expires_at <= v_now));
  delete from spillway_members m
    where m.fleet = p_fleet and m.tool = p_tool and (m.sidecar = p_sidecar or m.expires_at <= v_now);
  update spillway_tools t set count = t.count + 1 where t.fleet = p_fleet and t.tool = p_tool;
  if v_now < v_opens_at then return; end if;
  v_told := spillway_hand_out_v1(p_fleet, p_tool);
  if cardinality(v_told) > 0 then perform spillway_tell_v1(p_fleet, p_tool, v_told, p_channel); end if;
end $$;
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
