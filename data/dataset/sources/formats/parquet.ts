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
    // Text that old writers did not mark as such would else come as bytes.
    const relation = `read_parquet([${files.paths.map(quoteText).join(', ')}], binary_as_string = true)`;
    return { relation, columns: await columnsOf(sql, relation, files), notes: [] } satisfies Table;
  },
  explain(error, { source }) {
    if (/utf-?8|unicode/i.test(error.message)) {
      return sourceFailure(
        'DataUnreadable',
        source,
        'a text column of the Parquet file holds bytes that are not UTF-8',
        {
          next: 'write the file again with UTF-8 text',
        },
      );
    }
    if (/out of range|Conversion Error/i.test(error.message)) {
      return sourceFailure(
        'DataUnreadable',
        source,
        'an integer of the Parquet file is outside of 64 bits',
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
      next: 'check what writes it',
    });
  const is = looksLike(head);
  if (is !== 'Parquet') {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `this is not a Parquet file${is === null ? '' : `: it looks like ${is}`}`,
      {
        next: is?.startsWith('an encrypted')
          ? 'write it without encryption'
          : 'name its real format: parquet, csv or ndjson',
      },
    );
  }
  if (size < 12 || looksLike(tail.subarray(-4)) !== 'Parquet') {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `the Parquet file is truncated: after ${size} bytes its end is missing`,
      {
        next: 'write or download it again',
      },
    );
  }
}

async function columnsOf(
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
          next: 'flatten it into columns of its own, or leave it out',
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

/** Types without a logical form of their own that have one text. */
function textual(stored: string): ColumnType | null {
  return /^(TIME( WITH TIME ZONE)?|INTERVAL|BIT|BIGNUM|UHUGEINT)$/.test(stored) ? 'string' : null;
}
