// Which statements of a policy speak of an action on a resource. Only to show the place in the text: what is allowed,
// the server says. Conditions and variables are not looked at.

interface Statement {
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
}

/** The statements as they are written, in lines. */
export function statementsAbout(document: string, action: string, resource: string): string[] {
  let statements: Statement[];
  try {
    const { Statement } = JSON.parse(document) as { Statement?: Statement | Statement[] };
    statements = list(Statement);
  } catch {
    return [];
  }
  return statements
    .filter(statement => covers(statement.Action, statement.NotAction, action, 'i') && covers(statement.Resource, statement.NotResource, resource, ''))
    .map(statement => JSON.stringify(statement, null, 2));
}

function covers(named: string | string[] | undefined, others: string | string[] | undefined, text: string, flags: string): boolean {
  const fits = (patterns: string[]) => patterns.some(pattern => asExpression(pattern, flags).test(text));
  if (others !== undefined) return !fits(list(others));
  // A resource policy need not name its resource.
  return named === undefined || fits(list(named));
}

function asExpression(pattern: string, flags: string): RegExp {
  const text = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${text}$`, flags);
}

function list<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
