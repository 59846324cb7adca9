// Dropped files: a browser hands folders over as trees that have to be walked.
import { type Candidate, candidateOf } from './picked-files.ts';

/** More than any review takes: where the walk ends. */
const mostWalked = 20_000;

export async function candidatesDropped(transfer: DataTransfer): Promise<Candidate[]> {
  // The list is gone once the event is over, so it is read at once.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found: Candidate[] = [];
  for (const queue = entries; queue.length > 0 && found.length < mostWalked; ) {
    const entry = queue.shift();
    if (entry === undefined || entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    if (isDirectory(entry)) queue.push(...(await childrenOf(entry)));
    else if (isFile(entry)) found.push(candidateOf(await fileOf(entry), entry.fullPath.slice(1)));
  }
  return found;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A reader gives a folder in portions, an empty one at the end. */
async function childrenOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return children;
    children.push(...portion);
  }
}
