/** One thing looked at. Every `warns` and `fails` says what to do. */
export interface Check {
  readonly name: string;
  /** `skipped`: it could not be looked at, because of another. */
  readonly state: 'passes' | 'warns' | 'fails' | 'skipped';
  readonly found: string;
  readonly mend?: string | undefined;
}
