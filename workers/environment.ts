/** Variables of a process, as they are given. */
export type Environment = Readonly<Record<string, string | undefined>>;
