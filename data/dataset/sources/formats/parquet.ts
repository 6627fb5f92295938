import type { ColumnType } from '../../../../domain/dataset/dataset';
import {
  duckDbTypes,
  logicalType,
  quoteName,
  quoteText,
  type PlatformSql,
} from '../../../sql/platform-sql';
import { sourceFailure } from '../source-failure';
import { looksLike, readEnds } from './head';
import type { FormatReader, SourceFiles, Table, TableColumn } from './table';

export const parquet: FormatReader = {
  async open(sql, files) {
    for (const path of files.paths) await checkEnds(path, files.source);
    // Old writers do not mark text as such; without the option it would be read as bytes.
    const relation = `read_parquet([${files.paths.map(quoteText).join(', ')}], binary_as_string = true)`;
    return {
      relation,
      columns: await readColumns(sql, relation, files),
      notes: [],
    } satisfies Table;
  },
  explain(error, { source }) {
    if (/utf-?8|unicode/i.test(error.message)) {
      return sourceFailure(
        'DataUnreadable',
        source,
        'a text column of the Parquet file contains bytes that are not UTF-8',
        {
          next: 'write the file again with UTF-8 text',
        },
      );
    }
    if (/out of range|Conversion Error/i.test(error.message)) {
      return sourceFailure(
        'DataUnreadable',
        source,
        'an integer of the Parquet file exceeds 64 bits',
        {
          next: 'store the column as text or as a double',
        },
      );
    }
    return sourceFailure('DataUnreadable', source, 'the Parquet file is damaged', {
      next: 'write or download it again',
    });
  },
};

async function checkEnds(path: string, source: SourceFiles['source']): Promise<void> {
  const { size, head, tail } = await readEnds(path, 256);
  if (size === 0)
    throw sourceFailure('DatasetEmpty', source, 'the file is empty', {
      next: 'check the program that writes the file',
    });
  const is = looksLike(head);
  if (is !== 'Parquet') {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `not a Parquet file${is === null ? '' : `: it looks like ${is}`}`,
      {
        next: is?.startsWith('an encrypted')
          ? 'write it without encryption'
          : 'set the real format: parquet, csv or ndjson',
      },
    );
  }
  if (size < 12 || looksLike(tail.subarray(-4)) !== 'Parquet') {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `the Parquet file is truncated: it ends after ${size} bytes without a footer`,
      {
        next: 'write or download it again',
      },
    );
  }
}

async function readColumns(
  sql: PlatformSql,
  relation: string,
  { source }: SourceFiles,
): Promise<readonly TableColumn[]> {
  const described = await sql.rows<{ column_name: string; column_type: string }>(
    `DESCRIBE SELECT * FROM ${relation}`,
  );
  return described.map(({ column_name: name, column_type: stored }) => {
    const type = logicalType(stored) ?? textual(stored);
    if (type === null) {
      throw sourceFailure(
        'DataUnreadable',
        source,
        `column ${name} is nested (${stored.slice(0, 60)})`,
        {
          next: 'flatten it into separate columns, or leave it out',
        },
      );
    }
    const column = quoteName(name);
    if (stored === 'TIMESTAMP WITH TIME ZONE')
      return { name, type, expression: `(${column} AT TIME ZONE 'UTC')`, zoned: column };
    return {
      name,
      type,
      expression: stored === duckDbTypes[type] ? column : `CAST(${column} AS ${duckDbTypes[type]})`,
    };
  });
}

/** DuckDB types that have no logical type and are kept as text. */
function textual(stored: string): ColumnType | null {
  return /^(TIME( WITH TIME ZONE)?|INTERVAL|BIT|BIGNUM|UHUGEINT)$/.test(stored) ? 'string' : null;
}
