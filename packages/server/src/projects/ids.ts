import { isId } from '@devmentor/contracts';
import { DomainError } from './domain-error.ts';

function checked(kind: string, value: string): string {
  if (!isId(value)) throw new DomainError('VALIDATION_FAILED', `a ${kind} is 1 to 128 characters of [A-Za-z0-9._~-]`);
  return value;
}

/** Names one project. Equal by value. */
export class ProjectId {
  readonly value: string;

  constructor(value: string) {
    this.value = checked('project id', value);
  }

  equals(other: ProjectId): boolean {
    return this.value === other.value;
  }

  toString(): string {
    return this.value;
  }
}

/** Names one user. Equal by value. */
export class UserId {
  readonly value: string;

  constructor(value: string) {
    this.value = checked('user id', value);
  }

  /** Guests are users too; their ids say so, so that a project may be open to all of them. */
  get isGuest(): boolean {
    return this.value.startsWith(GUEST_PREFIX);
  }

  equals(other: UserId): boolean {
    return this.value === other.value;
  }

  toString(): string {
    return this.value;
  }
}

export const GUEST_PREFIX = 'guest-';
