/** `my-model` → `myModel` */
export function toIdentifier(name: string): string {
  return name.replace(/-+(.)?/g, (_, letter: string = '') => letter.toUpperCase());
}
