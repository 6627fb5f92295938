/** A field of a form without the spaces around it; empty if it is missing. */
export function readText(form: FormData, name: string): string {
  const given = form.get(name);
  return typeof given === 'string' ? given.trim() : '';
}
