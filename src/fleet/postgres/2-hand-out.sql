-- Hands free slots down the line: one to each sidecar, which then stands at the end of the line. A sidecar that is alone in
-- the line takes all that is free.
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
