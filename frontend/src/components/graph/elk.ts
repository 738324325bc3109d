/** The layout engine in a worker of its own: a large graph must not hold up the page. */
import ELK, { type ELK as Engine } from "elkjs/lib/elk-api";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import type { WorkflowGraph } from "@/lib/graph";
import { type Layout, layOut } from "@/lib/layout";

let engine: Engine | null = null;

export function layOutInWorker(graph: WorkflowGraph): Promise<Layout> {
  engine ??= new ELK({ workerFactory: () => new Worker(workerUrl) });
  return layOut(engine, graph);
}
