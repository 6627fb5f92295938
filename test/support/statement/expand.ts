/** The texts that a tagged template of `db/sql.ts` can send to PostgreSQL. */
import ts from 'typescript';

interface Expansion {
  /** Throws an error with `file:line` when a fragment has a form that is not known here. */
  readonly expandTemplate: (template: ts.TaggedTemplateExpression) => readonly string[];
  /** Templates that are fragments of others. */
  readonly consumed: ReadonlySet<ts.Node>;
}

interface ExpansionInput {
  readonly checker: ts.TypeChecker;
  readonly calls: ReadonlyMap<ts.Symbol, readonly ts.CallExpression[]>;
  readonly isQuery: (tag: ts.Expression) => boolean;
  readonly findPlace: (node: ts.Node) => string;
}

/** Texts of parameters of the functions that are being expanded. */
type Bindings = ReadonlyMap<ts.Symbol, readonly string[]>;

/** Stands for a parameter until the whole text is known, because parameters are numbered. */
const parameter = '\0';

/**
 * The program makes names of tables only for the partitions of `predictions`. A partition that
 * always exists stands for them.
 */
const madeName = 'predictions_default';

export function openExpansion({ checker, calls, isQuery, findPlace }: ExpansionInput): Expansion {
  const consumed = new Set<ts.Node>();
  return {
    expandTemplate: (node) => [...new Set(expandTexts(node, new Map()).map(numberParameters))],
    consumed,
  };

  function expandTexts({ template }: ts.TaggedTemplateExpression, bindings: Bindings) {
    if (ts.isNoSubstitutionTemplateLiteral(template)) return [template.text];
    return joinSpans(template, (value) =>
      isFragment(value) ? expand(value, bindings) : [parameter],
    );
  }

  function isFragment(value: ts.Expression): boolean {
    const type = checker.getTypeAtLocation(value);
    return (type.isUnion() ? type.types : [type]).some(
      ({ symbol }: { readonly symbol?: ts.Symbol }) =>
        symbol?.name === 'Statement' || symbol?.name === 'Identifier',
    );
  }

  /** A condition gives the texts of both its sides, a choice from an object those of all. */
  function expand(value: ts.Expression, bindings: Bindings): readonly string[] {
    if (ts.isParenthesizedExpression(value)) return expand(value.expression, bindings);
    if (ts.isConditionalExpression(value)) {
      return [...expand(value.whenTrue, bindings), ...expand(value.whenFalse, bindings)];
    }
    if (ts.isTaggedTemplateExpression(value)) {
      consumed.add(value);
      return expandTexts(value, bindings);
    }
    if (ts.isElementAccessExpression(value) && ts.isObjectLiteralExpression(value.expression)) {
      return value.expression.properties.flatMap((property) =>
        ts.isPropertyAssignment(property) ? expand(property.initializer, bindings) : [],
      );
    }
    const texts = ts.isCallExpression(value)
      ? expandCall(value, bindings)
      : expandName(value, bindings);
    if (texts.length > 0) return texts;
    throw new Error(
      `${findPlace(value)}: it is not known what ${value.getText()} adds to the text`,
    );
  }

  function expandName(name: ts.Expression, bindings: Bindings): readonly string[] {
    const symbol = findSymbol(checker, name);
    const bound = symbol && bindings.get(symbol);
    if (bound !== undefined) return bound;
    const declaration = symbol?.valueDeclaration;
    if (declaration === undefined) return [];
    if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined) {
      return expand(declaration.initializer, bindings);
    }
    if (!ts.isParameter(declaration)) return [];
    return argumentsFor(declaration).flatMap((argument) => expand(argument, bindings));
  }

  /** What calls pass for a parameter of a function. */
  function argumentsFor(declaration: ts.ParameterDeclaration): readonly ts.Expression[] {
    const { parent } = declaration;
    const place = parent.parameters.indexOf(declaration);
    const name = ts.isVariableDeclaration(parent.parent) ? parent.parent.name : parent.name;
    const called = name && findSymbol(checker, name);
    return ((called && calls.get(called)) ?? []).flatMap((call) => call.arguments[place] ?? []);
  }

  function expandCall(call: ts.CallExpression, bindings: Bindings): readonly string[] {
    const [first] = call.arguments;
    if (isQuery(call.expression) && first !== undefined) {
      return expandStrings(first, bindings).map((name) => `"${name}"`);
    }
    const called = findFunction(findSymbol(checker, call.expression));
    if (called?.body === undefined) return [];
    const inner = new Map(bindings);
    called.parameters.forEach((declaration, place) => {
      const given = call.arguments[place] ?? declaration.initializer;
      const symbol = findSymbol(checker, declaration.name);
      if (given === undefined || symbol === undefined) return;
      if (isFragment(given)) inner.set(symbol, expand(given, bindings));
      else if (isString(given)) inner.set(symbol, expandStrings(given, bindings));
    });
    return returnedBy(called.body).flatMap((returned) => expand(returned, inner));
  }

  function isString(value: ts.Expression): boolean {
    return checker.isTypeAssignableTo(checker.getTypeAtLocation(value), checker.getStringType());
  }

  function expandStrings(value: ts.Expression, bindings: Bindings): readonly string[] {
    if (ts.isTemplateExpression(value))
      return joinSpans(value, (each) => expandStrings(each, bindings));
    const symbol = findSymbol(checker, value);
    const bound = symbol && bindings.get(symbol);
    if (bound !== undefined) return bound;
    const type = checker.getTypeAtLocation(value);
    const literals = (type.isUnion() ? type.types : [type]).flatMap((each) =>
      each.isStringLiteral() ? [each.value] : [],
    );
    return literals.length > 0 ? literals : [madeName];
  }
}

/** Of what an import names, when the node is one. */
export function findSymbol(checker: ts.TypeChecker, node: ts.Node): ts.Symbol | undefined {
  const symbol = checker.getSymbolAtLocation(node);
  const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  return isAlias ? checker.getAliasedSymbol(symbol) : symbol;
}

function findFunction(symbol: ts.Symbol | undefined): ts.FunctionLikeDeclaration | undefined {
  const declaration = symbol?.valueDeclaration;
  if (declaration === undefined || ts.isFunctionDeclaration(declaration)) return declaration;
  const value = ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
  return value !== undefined && ts.isArrowFunction(value) ? value : undefined;
}

function returnedBy(body: ts.ConciseBody): readonly ts.Expression[] {
  if (!ts.isBlock(body)) return [body];
  const returned: ts.Expression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isReturnStatement(node) && node.expression) returned.push(node.expression);
    if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit);
  };
  visit(body);
  return returned;
}

/** As many texts as the value with the most has. The others repeat theirs. */
function joinSpans(
  { head, templateSpans }: ts.TemplateExpression,
  textsOf: (value: ts.Expression) => readonly string[],
): readonly string[] {
  const spans = templateSpans.map(({ expression, literal }) => ({
    texts: textsOf(expression),
    after: literal.text,
  }));
  const count = Math.max(...spans.map(({ texts }) => texts.length));
  return Array.from({ length: count }, (_, place) =>
    spans.reduce(
      (text, { texts, after }) => text + (texts[place % texts.length] ?? '') + after,
      head.text,
    ),
  );
}

function numberParameters(text: string): string {
  let number = 0;
  return text.replaceAll(parameter, () => `$${(number += 1)}`);
}
