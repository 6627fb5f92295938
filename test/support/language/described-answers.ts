import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';

interface Operation {
  readonly pattern: RegExp;
  readonly method: string;
  readonly path: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, unknown>> }>
  >;
}

export interface GivenAnswer {
  readonly method: string;
  /** The path with `/api/v1` and without its query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly body: unknown;
}

/**
 * Compares responses with an OpenAPI document. Throws if the document does not contain a status, a
 * content type or a field. Unknown paths are ignored.
 */
export function describedAnswers(document: object): (answer: GivenAnswer) => void {
  const { paths = {} } = document as {
    readonly paths?: Readonly<
      Record<string, Readonly<Record<string, Pick<Operation, 'responses'>>>>
    >;
  };
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: false,
    allErrors: true,
    inlineRefs: false,
  });
  ajv.addSchema(document, 'openapi');
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]): Operation => ({
      pattern: toPattern(path),
      method,
      path,
      responses,
    })),
  );
  const validators = new Map<string, ValidateFunction>();

  return ({ method, path, status, contentType, body }) => {
    const matching = operations.filter(
      (operation) => operation.method === method.toLowerCase() && operation.pattern.test(path),
    );
    // A path without parameters comes before one with parameters.
    const [operation] = matching.sort((one, other) => count(one.path) - count(other.path));
    if (operation === undefined) return;
    const what = `${method} ${operation.path}: ${status}`;
    const declared = operation.responses[status];
    if (declared === undefined)
      throw new Error(`${what} is not in the document: ${JSON.stringify(body)}`);
    if (declared.content === undefined) return;
    const mediaType = contentType?.split(';')[0] ?? '';
    if (!(mediaType in declared.content))
      throw new Error(`${what} is ${mediaType}, not ${Object.keys(declared.content).join(' or ')}`);
    if (!mediaType.endsWith('json')) return;
    const pointer = [
      'paths',
      operation.path,
      operation.method,
      'responses',
      String(status),
      'content',
      mediaType,
      'schema',
    ];
    const validate = compileValidator(
      `openapi#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`,
    );
    if (validate(body)) return;
    const errors = (validate.errors ?? [])
      .slice(0, 5)
      .map(
        (error) => `${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`,
      );
    throw new Error(`${what} does not fit the document:\n${errors.join('\n')}`);
  };

  function compileValidator(reference: string): ValidateFunction {
    const known = validators.get(reference) ?? ajv.compile({ $ref: reference });
    validators.set(reference, known);
    return known;
  }
}

function count(path: string): number {
  return path.split('{').length;
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
