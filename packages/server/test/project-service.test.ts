import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProjectService } from '../src/index.ts';

let provider: ProjectService;

beforeEach(async () => {
  provider = new ProjectService();
  await provider.create({ name: 'Test project' }, { id: 'test-project', as: 'user1' });
  await provider.addCollaborator('test-project', 'user2');
});
afterEach(() => provider.close());

describe('ProjectService Contract', () => {
  describe('claim/release pattern', () => {
    it('should prevent concurrent claims', async () => {
      const projectId = 'test-project';

      // First user claims
      const token1 = await provider.claim(projectId, 'user1');
      expect(token1).toBeDefined();

      // Second user tries to claim
      await expect(provider.claim(projectId, 'user2')).rejects.toThrow('Resource is locked');

      // First user releases
      await provider.release(token1);

      // Now second user can claim
      const token2 = await provider.claim(projectId, 'user2');
      expect(token2).toBeDefined();
    });
  });
});

describe('ProjectService', () => {
  it('[S1] a refusal carries the code of the wire', async () => {
    await provider.claim('test-project', 'user1');
    await expect(provider.claim('test-project', 'user2')).rejects.toMatchObject({ code: 'RESOURCE_LOCKED' });
    await expect(provider.claim('test-project', 'stranger')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(provider.findById('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('[S1] the holder writes without more ado; while another holds it, nobody else does', async () => {
    const mine = await provider.claim('test-project', 'user1');
    expect(await provider.update('test-project', { name: 'Mine' })).toMatchObject({ name: 'Mine', version: 3 });
    await provider.release(mine);
    await provider.claim('test-project', 'user2');
    expect(await provider.isLocked('test-project')).toBe(true);
    await expect(provider.update('test-project', { name: 'Not mine' })).rejects.toMatchObject({
      code: 'RESOURCE_LOCKED',
    });
  });

  it('[S1] of claims by many at once one is granted', async () => {
    for (let n = 3; n < 12; n += 1) await provider.addCollaborator('test-project', `user${n}`);
    const claims = await Promise.allSettled(
      Array.from({ length: 11 }, (_, n) => provider.claim('test-project', `user${n + 1}`)),
    );
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('[S1] what was deleted is gone', async () => {
    await provider.delete('test-project');
    await expect(provider.findById('test-project')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
