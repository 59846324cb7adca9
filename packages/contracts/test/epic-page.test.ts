import { existsSync, readFileSync } from 'node:fs';
import { type Route, routes } from '@devmentor/contracts';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/epic.md', root), 'utf8');
const quoted = [...page.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '');

const agreed: Route[] = Object.values(routes);
const addresses = agreed.map(({ method, path }) => `${method} ${path}`);

// The epic's names outside the service interfaces, which are read from the interfaces.
const names = `
  RedisLockManager ILockManager acquireLock releaseLock Lock Lock.startAutoRenewal Lock.stopAutoRenewal
  LockAcquisitionError BlackboardSystem SharedKnowledgeBase IKnowledgeSource BlackboardController CodeAnalysisAgent
  DocumentationAgent ArchitectureAgent TestGenerationAgent DevMentorAPIClient APIConfig AuthServiceProxy
  ProjectServiceProxy AIServiceProxy LearningServiceProxy MemoryServiceProxy connectWebSocket subscribeToEvents
  subscribeToProject useAPIClient useProject RESOURCE_LOCKED Project Project.Events AggregateRoot ProjectId UserId
  ProjectStatus ClaimToken DomainError useProjectStore activeProject claimTokens loadProject createProject claimProject
  releaseProject updateProject subscribeToUpdates getCurrentUserId edit-button editing-indicator locked-message
  locked-by save-button`;

describe('the page of the epic', () => {
  it('every file and export it names exists', () => {
    const files = quoted.filter((text) => /^(packages|examples|test|docs)\//.test(text));
    expect(files.length).toBeGreaterThan(50);
    for (const file of files) {
      const [path = '', name] = file.split('#');
      expect([file, existsSync(new URL(path, root))]).toEqual([file, true]);
      if (name === undefined) continue;
      const declared = new RegExp(
        `^export (?:abstract |async )?(?:class|interface|type|const|function) ${name}\\b`,
        'm',
      );
      expect([file, declared.test(readFileSync(new URL(path, root), 'utf8'))]).toEqual([file, true]);
    }
  });

  it('every route it names is in the contract', () => {
    const named = quoted.filter((text) => /^(GET|POST|PUT|PATCH|DELETE) /.test(text));
    expect(named.length).toBeGreaterThan(36);
    for (const address of named) expect(addresses).toContain(address);
  });

  it('no name of the epic is missing', () => {
    const block = readFileSync(new URL('published-services.ts', import.meta.url), 'utf8');
    const methods = block
      .split(/^export interface /m)
      .slice(1)
      .flatMap((body) => {
        const service = body.slice(0, body.indexOf(' '));
        return [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, method]) => `${service}.${method}`);
      });
    expect(methods).toHaveLength(36);
    for (const name of [...methods, ...names.trim().split(/\s+/)]) expect(quoted).toContain(name);
  });
});
