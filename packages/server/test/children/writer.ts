// A program that claims project 123, says so, and once it is told to writes under that claim and
// says how it was answered: `writer.ts <url> <access token> <ttl, ms>`.
import { createInterface } from 'node:readline';
import { Client } from '../client.ts';

const [url = '', token = '', ttlMs = ''] = process.argv.slice(2);
const client = new Client(url, token);
const grant = await client.claimed('123', { ttlMs: Number(ttlMs) });
console.log(JSON.stringify(grant));

for await (const name of createInterface({ input: process.stdin })) {
  const { status, body } = await client.patch('123', { name }, { 'if-match': '*', 'x-claim-token': grant.claimToken });
  console.log(JSON.stringify({ status, body }));
}
