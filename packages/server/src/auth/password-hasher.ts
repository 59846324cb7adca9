/** Turns passwords into strings that can be stored, and checks them against those. */
export interface PasswordHasher {
  /** A PHC string with its own salt and costs. */
  hash(password: string): Promise<string>;
  /**
   * Whether the password made this hash. Takes the same time for `undefined` (nobody by that
   * name) as for a wrong password, so that the answer's delay names no accounts.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}
