import type { Query } from '../connection';

/** The channels in the `spec` of a revision with the alias `r`, as rows of `n`. */
export function selectChannels(sql: Query) {
  return sql`(
    select target, hook,
      case when hook->'slack' is not null then 'slack' when hook->'email' is not null then 'email' else 'webhook' end as channel,
      coalesce(hook->>'webhook', 'slack:' || coalesce(hook->'slack'->>'env', hook->'slack'->>'file'),
        'mailto:' || (select string_agg(each, ',') from json_array_elements_text(hook->'email'->'to') each)) as address,
      coalesce(hook->'secret', hook->'slack') as secret, hook->'quietHours' as quiet_hours
    from json_array_elements(coalesce(r.spec->'notify', '[]'::json)) with ordinality as listed (hook, target)
  )`;
}
