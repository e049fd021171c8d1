-- One report of one sidecar about one tool, and its answer: src/fleet/ledger.ts in PL/pgSQL, with the same four parts.
-- Arguments  see the names; p_most: sidecars of one tool at most, else the error FLEET_FULL
-- Returns    one row, as `Allotment` in src/fleet/store.ts; zeros to a sidecar that leaves
-- The time is clock_timestamp() read under the lock: now() would be the time before waiting for it.
-- Sidecars of the version before call spillway_report_v2 and spillway_leave_v1 on the same tables, which use the functions of
-- 2-hand-out.sql and 3-news.sql: a function whose arguments or meaning change gets a new number.
create or replace function spillway_report_v3(
  p_fleet text, p_tool text, p_sidecar text, p_ttl_ms bigint, p_cap bigint, p_epoch bigint, p_returned bigint,
  p_held bigint, p_want bigint, p_order bigint, p_channel text, p_most bigint, p_leaving boolean
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
  v_was_waiting boolean;
  v_was_claimant boolean;
  v_returned bigint;
  v_promoted text[] := '{}';
  v_told text[];
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
  -- The row was written by another server: this one may have forgotten what sidecars hold.
  if v_tool.run <> v_run then v_tool.opens_at := v_now + v_ttl; end if;
  v_tool.count := v_tool.count + 1;
  update spillway_tools t set run = v_run, opens_at = v_tool.opens_at, count = v_tool.count
    where t.fleet = p_fleet and t.tool = p_tool;

  -- 1 End: sessions that were silent for their TTL end.
  if exists (select from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.expires_at <= v_now) then
    with dead as (
      delete from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.expires_at <= v_now
        returning m.sidecar
    )
    delete from tool_leases l using dead where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id = dead.sidecar;
  end if;

  -- 2 Hear, or forget.
  select * into v_me from spillway_members m
    where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar;
  v_was_waiting := coalesce(v_me.place > 0, false);
  v_was_claimant := coalesce(v_me.given > v_me.returned or v_me.want > 0, false);
  select count(*), coalesce(sum(m.given - m.returned), 0), count(*) filter (where m.place > 0)
    into v_others, v_held, v_line
    from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.sidecar <> p_sidecar;
  if p_leaving then
    -- A leave that arrives late, after the sidecar has joined again, ends nothing.
    if p_order > v_me.stated then
      delete from spillway_members m where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar;
      delete from tool_leases l where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id = p_sidecar;
    end if;
  else
    -- A report that arrives after later ones may be of an earlier session: it does not end the one that lives.
    if v_me.sidecar is null or (v_me.epoch <> p_epoch and p_order > v_me.stated) then
      if v_me.sidecar is null and v_others >= p_most then
        raise exception 'FLEET_FULL' using errcode = 'SPLWY';
      end if;
      -- The sender held slots before the first start: the tables were thrown away under living sidecars, and made again by
      -- one that knew nothing of it. What they hold counts in full, also beyond the cap, and nobody gets more for one TTL.
      if v_me.sidecar is null and (p_epoch > 0 or p_held > 0) and v_now < coalesce(v_tool.first_until, v_now) then
        v_tool.opens_at := v_now + v_ttl;
        v_tool.first_until := v_tool.opens_at;
        update spillway_tools t set opens_at = v_tool.opens_at, first_until = v_tool.first_until
          where t.fleet = p_fleet and t.tool = p_tool;
        delete from spillway_tools t where t.fleet = '' and t.tool = '';
      end if;
      -- The store knows nobody, and the sender was busy: the store was out of reach for a whole TTL. Other sidecars may
      -- still run calls on slots that they held, so nothing is given until they have said so.
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
      -- The rows of tool_leases are for people. They are renewed now and then, and are never late by more than that.
      update tool_leases l set expires_at = v_now + v_ttl, heartbeat_at = v_now
        where l.fleet = p_fleet and l.tool_name = p_tool and l.job_id = p_sidecar;
    end if;
    -- `returned` of another session does not count in this one.
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
  end if;

  -- 3 Hand out.
  if v_now >= v_tool.opens_at then v_promoted := spillway_hand_out_v1(p_fleet, p_tool); end if;
  v_told := array_remove(v_promoted, p_sidecar);

  -- 4 Answer, and tell.
  if p_leaving then
    return query select 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint,
      0::bigint;
  else
    return query
      select s.version, s.epoch, s.given, s.waiting, s.claimants, s.cap, f.sidecars, f.rank,
             greatest(0, ceil(extract(epoch from v_tool.opens_at - v_now) * 1000))::bigint,
             coalesce(ceil(extract(epoch from f.next_end - v_now) * 1000), 0)::bigint
        from spillway_snapshots_v1(p_fleet, p_tool) s, (
          select count(*) as sidecars, count(*) filter (where o.sidecar collate "C" < p_sidecar collate "C") as rank,
                 min(o.expires_at) filter (where o.sidecar <> p_sidecar) as next_end
            from spillway_members o where o.fleet = p_fleet and o.tool = p_tool
        ) f
        where s.sidecar = p_sidecar;
    -- The sender waits and did not before: holders of slots learn that idle ones are wanted.
    if (not v_was_claimant or (not v_was_waiting and v_line < 2)) and exists (
      select from spillway_members m
        where m.fleet = p_fleet and m.tool = p_tool and m.sidecar = p_sidecar and m.want > 0
    ) then
      v_told := v_told || array(
        select m.sidecar from spillway_members m
          where m.fleet = p_fleet and m.tool = p_tool and m.sidecar <> p_sidecar
            and m.given > m.returned and m.sidecar <> all (v_promoted));
    end if;
  end if;
  if cardinality(v_told) > 0 then perform spillway_tell_v1(p_fleet, p_tool, v_told, p_channel); end if;
end $$;
