import { z } from 'zod';
import { isPrintable } from './ids.ts';
import { limits } from './limits.ts';
import { durationMsSchema, idSchema, itemsOf, lineSchema, timeSchema, tokenSchema } from './primitives.ts';

const usernameSchema = z.string().regex(/^[A-Za-z0-9._~@+-]{1,128}$/, {
  error: `must be ${limits.username.min} to ${limits.username.max} characters of [A-Za-z0-9._~@+-]`,
});

/** A user as others may see him. */
export const userSchema = z.object({
  id: idSchema,
  username: z.string(),
  displayName: z.string(),
  /** Open set; `author`, `override` and `admin` have a meaning today. */
  roles: z.array(z.string()),
  guest: z.boolean(),
});

export const registerSchema = z.strictObject({
  username: usernameSchema,
  password: z.string().min(limits.password.min).max(limits.password.max),
  displayName: lineSchema(limits.displayNameLength).optional(),
});

export const registeredSchema = z.object({ user: userSchema });

/** At login a password is only looked at, so the bounds of registration do not apply. */
export const credentialsSchema = z.strictObject({
  username: z.string().min(1).max(limits.username.max).refine(isPrintable, { error: 'must be a line of text' }),
  password: z.string().min(1).max(limits.password.max),
});

export const guestSchema = z.strictObject({ name: lineSchema(limits.displayNameLength).optional() }).prefault({});

export const sessionSchema = z.object({
  id: idSchema,
  userId: idSchema,
  createdAt: timeSchema,
  expiresAt: timeSchema,
  /** Whether the asking token belongs to it. */
  current: z.boolean(),
});

export const authTokenSchema = z.object({
  accessToken: tokenSchema,
  refreshToken: tokenSchema,
  tokenType: z.literal('Bearer'),
  /** Seconds, as OAuth 2 has it; the one duration that is not in milliseconds. */
  expiresIn: z.int().min(0),
  session: sessionSchema,
  user: userSchema,
});

export const refreshSchema = z.strictObject({ refreshToken: tokenSchema });

/** The body of validate and revoke; revoke takes access and refresh tokens alike. */
export const tokenBodySchema = z.strictObject({ token: tokenSchema });

export const tokenClaimsSchema = z.object({
  /** The user's id. */
  sub: idSchema,
  /** The session's id. */
  sid: idSchema,
  /** Seconds since 1970, as JWT has it. */
  iat: z.int(),
  exp: z.int(),
  roles: z.array(z.string()),
});

export const tokenValidationSchema = z.object({
  valid: z.boolean(),
  claims: tokenClaimsSchema.optional(),
  reason: z.enum(['malformed', 'signature', 'expired', 'revoked']).optional(),
});

export const createSessionSchema = z.strictObject({ userId: idSchema.optional() }).prefault({});

export const sessionsSchema = itemsOf(sessionSchema);

/** A one-use way in for a plain `EventSource` or `WebSocket`, as `?ticket=`. */
export const ticketSchema = z.object({
  ticket: tokenSchema,
  expiresAt: timeSchema,
  remainingMs: durationMsSchema,
});

export type User = z.infer<typeof userSchema>;
export type Registration = z.input<typeof registerSchema>;
export type Registered = z.infer<typeof registeredSchema>;
export type Credentials = z.input<typeof credentialsSchema>;
export type GuestRequest = z.output<typeof guestSchema>;
export type Session = z.infer<typeof sessionSchema>;
export type Sessions = z.infer<typeof sessionsSchema>;
export type AuthToken = z.infer<typeof authTokenSchema>;
export type RefreshRequest = z.input<typeof refreshSchema>;
export type TokenBody = z.input<typeof tokenBodySchema>;
export type TokenClaims = z.infer<typeof tokenClaimsSchema>;
export type TokenValidation = z.infer<typeof tokenValidationSchema>;
export type CreateSessionRequest = z.output<typeof createSessionSchema>;
export type Ticket = z.infer<typeof ticketSchema>;
