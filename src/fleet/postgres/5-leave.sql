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
