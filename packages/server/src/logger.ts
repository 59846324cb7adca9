import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './settings.ts';

/** Logs go to stderr: stdout is for the one line that says where the server listens. */
export function createLogger(
  level: LogLevel,
  destination: DestinationStream = pino.destination({ dest: 2, sync: false }),
): Logger {
  return pino(
    {
      level,
      base: null,
      redact: {
        paths: [
          '*.authorization',
          '*.cookie',
          '*["sec-websocket-protocol"]',
          '*["x-claim-token"]',
          '*.password',
          '*.accessToken',
          '*.refreshToken',
          '*.claimToken',
          '*.token',
        ],
        censor: '[redacted]',
      },
    },
    destination,
  );
}
