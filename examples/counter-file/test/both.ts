// Counts without and with the fence, and says what became of the updates.
import { startRedis } from '../../../test/backends.ts';
import { count } from '../src/count.ts';

const redis = await startRedis();
const counting = { redis: redis.url, workers: 4, rounds: 40 };
const unfenced = await count({ ...counting, mode: 'unfenced' });
const fenced = await count({ ...counting, mode: 'fenced' });
await redis.stop();

console.log(
  `without the fence: ${unfenced.acknowledged} updates acknowledged, ${unfenced.counted} in the file: ${unfenced.lost} lost`,
);
console.log(
  `with the fence:    ${fenced.acknowledged} updates acknowledged, ${fenced.counted} in the file: ${fenced.lost} lost, ${fenced.refused} late writes refused`,
);
if (unfenced.lost <= 0 || fenced.lost !== 0 || fenced.refused !== fenced.stops) process.exitCode = 1;
