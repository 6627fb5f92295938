import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

/** The rooms of a layer, and for each room the rooms that its files import. */
export type RoomGraph = ReadonlyMap<string, ReadonlySet<string>>;

const importedPath = /\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g;

/** A room is a first-level folder, or a file beside these folders. Imports of types count. */
export function readRooms(layer: string): RoomGraph {
  const rooms = new Map<string, Set<string>>();
  const files = readdirSync(layer, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((path) => /\.tsx?$/.test(path))) {
    const path = join(layer, file);
    const room = nameRoom(layer, path);
    const imported = rooms.get(room) ?? new Set();
    rooms.set(room, imported);
    for (const [, to = ''] of readFileSync(path, 'utf8').matchAll(importedPath)) {
      const target = nameRoom(layer, resolve(path, '..', to));
      if (target !== '..' && target !== room) imported.add(target);
    }
  }
  return rooms;
}

function nameRoom(layer: string, path: string): string {
  const [first = ''] = relative(layer, path).split(sep);
  return first.replace(/\.tsx?$/, '');
}

/** Groups of rooms in which each room reaches each other room by imports. */
export function findKnots(graph: RoomGraph): readonly (readonly string[])[] {
  const reach = new Map([...graph.keys()].map((room) => [room, findReachable(graph, room)]));
  const knots = new Set<string>();
  for (const room of reach.keys()) {
    const knot = [...reach.keys()].filter(
      (other) => reach.get(room)?.has(other) === true && reach.get(other)?.has(room) === true,
    );
    if (knot.length > 1) knots.add(knot.sort().join(' '));
  }
  return [...knots].sort().map((knot) => knot.split(' '));
}

/** On the lowest floor are the rooms that import no other; each other room is above all it imports. */
export function findFloors(graph: RoomGraph): readonly (readonly string[])[] {
  const floors: string[][] = [];
  const placed = new Set<string>();
  while (placed.size < graph.size) {
    const floor = [...graph.keys()].filter(
      (room) =>
        !placed.has(room) && [...(graph.get(room) ?? [])].every((target) => placed.has(target)),
    );
    if (floor.length === 0) throw new Error(`rooms in a circle: ${findKnots(graph).join('; ')}`);
    floors.push(floor.sort());
    for (const room of floor) placed.add(room);
  }
  return floors;
}

/** The floors from the highest to the lowest, in lines of at most 100 characters. */
export function drawFloors(graph: RoomGraph): string {
  const floors = findFloors(graph).map((rooms, floor) =>
    wrapWords(rooms, 96).map(
      (line, index) => (index === 0 ? `${floor}` : '').padStart(2) + `  ${line}`,
    ),
  );
  return floors.reverse().flat().join('\n');
}

function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 2 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last}  ${word}`;
  }
  return lines;
}

function findReachable(graph: RoomGraph, from: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [from];
  for (let room = open.pop(); room !== undefined; room = open.pop())
    for (const target of graph.get(room) ?? [])
      if (!reached.has(target)) {
        reached.add(target);
        open.push(target);
      }
  return reached;
}
