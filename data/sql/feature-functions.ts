/**
 * What features may call: the result follows from the arguments alone, one row at a time, in bounded time and space, the same in every session.
 * Not here, though they are scalar: `repeat`, `lpad`, `rpad`, `format`, `printf`, `bar` (a number becomes as much memory as it says), `hash` (another
 * value in another version of DuckDB), `levenshtein` and its kin (quadratic in the length of the text, and not to be interrupted), `age` (with one argument it reads the clock), lists, structs and JSON (no feature has such a type).
 */
export const featureFunctions: ReadonlySet<string> = new Set([
  // Operators.
  ...['+', '-', '*', '/', '//', '%', '**', '^', '&', '|', '~', '<<', '>>', '@', '||', '^@'],
  ...['~~', '!~~', '~~*', '!~~*', '~~~', 'like_escape', 'not_like_escape', 'ilike_escape', 'not_ilike_escape'],
  ...['add', 'subtract', 'multiply', 'divide', 'xor'],
  // Numbers.
  ...['abs', 'sign', 'signbit', 'ceil', 'ceiling', 'floor', 'round', 'round_even', 'roundbankers', 'trunc', 'even', 'mod', 'fmod', 'fdiv'],
  ...['sqrt', 'cbrt', 'exp', 'ln', 'log', 'log2', 'log10', 'pow', 'power', 'pi', 'degrees', 'radians', 'gcd', 'lcm'],
  ...['sin', 'cos', 'tan', 'cot', 'asin', 'acos', 'atan', 'atan2', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'],
  ...['greatest', 'least', 'isnan', 'isinf', 'isfinite', 'nullif', 'bit_count'],
  // Text.
  ...['lower', 'upper', 'lcase', 'ucase', 'trim', 'ltrim', 'rtrim', 'length', 'len', 'strlen', 'char_length', 'character_length'],
  ...[
    'left',
    'right',
    'substr',
    'substring',
    'split_part',
    'replace',
    'translate',
    'reverse',
    'concat',
    'concat_ws',
    'strip_accents',
    'nfc_normalize',
  ],
  ...['starts_with', 'ends_with', 'prefix', 'suffix', 'contains', 'instr', 'strpos', 'position', 'ascii', 'ord', 'unicode', 'chr', 'md5'],
  ...['regexp_matches', 'regexp_full_match', 'regexp_extract', 'regexp_replace', 'regexp_escape'],
  ...['jaccard', 'hamming', 'mismatches'],
  // Time.
  ...[
    'year',
    'quarter',
    'month',
    'week',
    'weekofyear',
    'day',
    'dayofmonth',
    'dayofweek',
    'weekday',
    'isodow',
    'dayofyear',
    'isoyear',
    'yearweek',
  ],
  ...[
    'hour',
    'minute',
    'second',
    'millisecond',
    'microsecond',
    'dayname',
    'monthname',
    'last_day',
    'days_in_month',
    'decade',
    'century',
    'julian',
  ],
  ...[
    'date_part',
    'datepart',
    'date_trunc',
    'datetrunc',
    'date_diff',
    'datediff',
    'date_sub',
    'datesub',
    'date_add',
    'time_bucket',
    'timezone',
  ],
  ...['epoch', 'epoch_ms', 'epoch_us', 'epoch_ns', 'make_date', 'make_time', 'make_timestamp', 'to_timestamp'],
  ...['strftime', 'strptime', 'try_strptime'],
  ...['to_years', 'to_months', 'to_weeks', 'to_days', 'to_hours', 'to_minutes', 'to_seconds', 'to_milliseconds', 'to_microseconds'],
]);

/** Targets of CAST. */
export const featureCastTypes: ReadonlySet<string> = new Set([
  ...['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT'],
  ...['FLOAT', 'DOUBLE', 'DECIMAL', 'BOOLEAN', 'VARCHAR'],
  ...['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'INTERVAL'],
]);
