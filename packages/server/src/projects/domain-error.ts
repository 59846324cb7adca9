import type { Code } from '@devmentor/contracts/codes';

/** What the domain may refuse with; each is one of the wire's problem codes. */
export type DomainErrorCode = Extract<
  Code,
  'VALIDATION_FAILED' | 'FORBIDDEN' | 'NOT_FOUND' | 'ALREADY_EXISTS' | 'VERSION_MISMATCH' | 'RESOURCE_LOCKED'
>;

/** A rule of the domain said no. Nothing was changed. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: DomainErrorCode;

  constructor(code: DomainErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
