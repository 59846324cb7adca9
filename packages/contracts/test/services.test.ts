import { readFileSync } from 'node:fs';
import type {
  AuthToken,
  CallOptions,
  ClaimOptions,
  ClaimToken,
  Credentials,
  IAIGatewayService,
  IAuthService,
  ILearningService,
  IMemoryService,
  IProjectService,
  Project,
  ProjectServiceClient,
  UpdateProjectDTO,
  WriteOptions,
} from '@devmentor/contracts';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type * as Published from './published-services.ts';

const linesOf = (path: string): string[] =>
  readFileSync(new URL(path, import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.includes('biome-ignore'));

const interfacesOf = (lines: string[]): string[] =>
  lines
    .slice(lines.findIndex((line) => line.startsWith('export interface')))
    .filter((line) => !/^\/(\/|\*)/.test(line));

describe('services', () => {
  it('[S1] the interfaces are the published block, word for word', () => {
    const published = interfacesOf(linesOf('published-services.ts'));
    expect(published.filter((line) => line.includes('): '))).toHaveLength(36);
    expect(interfacesOf(linesOf('../src/services.ts'))).toEqual(published);
  });

  it('[S2] the interfaces have the published types', () => {
    expectTypeOf<IAuthService>().toEqualTypeOf<Published.IAuthService>();
    expectTypeOf<IProjectService>().toEqualTypeOf<Published.IProjectService>();
    expectTypeOf<IAIGatewayService>().toEqualTypeOf<Published.IAIGatewayService>();
    expectTypeOf<ILearningService>().toEqualTypeOf<Published.ILearningService>();
    expectTypeOf<IMemoryService>().toEqualTypeOf<Published.IMemoryService>();
    expectTypeOf<IAuthService['authenticate']>().toEqualTypeOf<(credentials: Credentials) => Promise<AuthToken>>();
  });

  it('[S3] a remote caller may add options last, and need not', () => {
    expectTypeOf<ProjectServiceClient>().toExtend<IProjectService>();
    expectTypeOf<ProjectServiceClient['claim']>().toEqualTypeOf<
      (projectId: string, userId: string, options?: ClaimOptions) => Promise<ClaimToken>
    >();
    expectTypeOf<ProjectServiceClient['update']>().toEqualTypeOf<
      (id: string, data: UpdateProjectDTO, options?: WriteOptions) => Promise<Project>
    >();
    expectTypeOf<ClaimOptions['ttlMs']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<keyof ClaimOptions>().toEqualTypeOf<
      'signal' | 'idempotencyKey' | 'ttlMs' | 'waitMs' | 'purpose' | 'instanceId'
    >();
    expectTypeOf<ProjectServiceClient['release']>().parameter(1).toEqualTypeOf<CallOptions | undefined>();
  });
});
