// The AWS CLI command that does what a form does. Values of secrets never get here: use `file()`.

type Value = string | number | boolean | undefined | null | string[] | object;

/** A file that the user writes by hand, in the place of a value that must not be shown. */
export function file(name: string): string {
  return `file://${name}`;
}

/** `aws <command> --name value …`, one option a line. Undefined and empty options are left out. */
export function cli(command: string, options: Record<string, Value>): string {
  const words = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === null || value === '' || value === false) return [];
    if (value === true) return [`--${name}`];
    if (Array.isArray(value) && value.every(item => typeof item === 'string')) {
      return value.length ? [`--${name} ${value.map(quoted).join(' ')}`] : [];
    }
    return [`--${name} ${quoted(typeof value === 'object' ? JSON.stringify(value) : String(value))}`];
  });
  return [`aws ${command}`, ...words].join(' \\\n  ');
}

/** A word as a shell reads it. */
export function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
