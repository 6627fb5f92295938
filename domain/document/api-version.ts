/** The version of every document that a person writes. */
export const apiVersion = 'perennial.dev/v1';
